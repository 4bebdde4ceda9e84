// SPDX-License-Identifier: GPL-2.0-or-later
/* base64url and padding: module/codec.c. */
#include "harness.h"
#include "codec.h"

static int decode(const char *text, u8 *out)
{
	return ward_b64_decode(text, strlen(text), out);
}

/* RFC 4648 section 10, without padding. */
TEST(vectors)
{
	static const char *const vectors[][2] = {
		{ "", "" }, { "f", "Zg" }, { "fo", "Zm8" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg" },
		{ "fooba", "Zm9vYmE" }, { "foobar", "Zm9vYmFy" }, { "\xfb\xff\xbf", "-_-_" },
	};
	char text[16];
	u8 bytes[16];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(vectors); i++) {
		size_t len = strlen(vectors[i][0]);
		unsigned int n = ward_b64_encode((const u8 *)vectors[i][0], len, text);

		ASSERT_EQ(strlen(vectors[i][1]), n);
		EXPECT_EQ(0, memcmp(text, vectors[i][1], n));
		EXPECT_EQ(WARD_B64_LEN(len), n);
		ASSERT_EQ(len, decode(vectors[i][1], bytes));
		EXPECT_EQ(0, memcmp(bytes, vectors[i][0], len));
	}
}

TEST(every_length_round_trip)
{
	u8 in[300], out[300];
	char text[WARD_B64_LEN(300)];
	unsigned int len, i, n;

	for (i = 0; i < sizeof(in); i++)
		in[i] = i * 167 + 13;
	for (len = 0; len <= sizeof(in); len++) {
		n = ward_b64_encode(in, len, text);
		ASSERT_EQ(WARD_B64_LEN(len), n);
		ASSERT_EQ((int)len, ward_b64_decode(text, n, out));
		ASSERT_EQ(0, memcmp(in, out, len));
	}
}

/* Of all strings of one to three characters, exactly the canonical ones are taken. */
TEST(canonical_only)
{
	unsigned int one = 0, two = 0, three = 0;
	char s[4];
	u8 out[3];
	int a, b, c;

	for (a = 0; a < 256; a++) {
		s[0] = a;
		one += ward_b64_decode(s, 1, out) >= 0;
		for (b = 0; b < 256; b++) {
			s[1] = b;
			two += ward_b64_decode(s, 2, out) >= 0;
		}
	}
	for (a = 32; a < 127; a++)
		for (b = 32; b < 127; b++)
			for (c = 32; c < 127; c++) {
				s[0] = a;
				s[1] = b;
				s[2] = c;
				three += ward_b64_decode(s, 3, out) >= 0;
			}
	EXPECT_EQ(0, one);
	EXPECT_EQ(256, two);		/* as many as there are single bytes */
	EXPECT_EQ(65536, three);
}

TEST(refused)
{
	static const char *const bad[] = {
		"Zg==", "Zm8=", "Zh", "Zm9", "Zm9vY", "Z", "Zm9+", "Zm9/", "Zm 9v", "Zm9v\n", " Zm9v",
		"Zm9v=", "\xc3\xa4gg", "AB", "AAB",
	};
	u8 out[16];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(-EBADMSG, decode(bad[i], out)) TH_LOG("case %zu", i);
	/* A NUL is no character either. */
	EXPECT_EQ(-EBADMSG, ward_b64_decode("Zm\0v", 4, out));
}

TEST(padding)
{
	u8 in[255], text[256];
	unsigned int len;

	memset(in, 'n', sizeof(in));
	for (len = 1; len <= 255; len++) {
		unsigned int n = ward_pad(in, len, text);

		ASSERT_EQ(0, n % 16);
		ASSERT_EQ(WARD_PAD_LEN(len), n);
		ASSERT_EQ((int)len, ward_unpad(text, n));
		ASSERT_EQ((int)len, ward_name_unpad(text, n));
	}
}

TEST(bad_padding)
{
	u8 text[272] = "name";

	EXPECT_EQ(4, ward_unpad(text, 16));
	EXPECT_EQ(-EBADMSG, ward_unpad(text, 0));
	EXPECT_EQ(-EBADMSG, ward_unpad(text, 15));
	EXPECT_EQ(-EBADMSG, ward_unpad(text, 17));
	EXPECT_EQ(-EBADMSG, ward_unpad(text, 32));	/* 28 bytes of padding */
	text[15] = 'x';					/* a NUL within */
	EXPECT_EQ(-EBADMSG, ward_unpad(text, 16));
	memset(text, 0, sizeof(text));
	EXPECT_EQ(-EBADMSG, ward_unpad(text, 16));	/* nothing but padding */
	memset(text, 'x', 16);
	EXPECT_EQ(16, ward_unpad(text, 16));
	EXPECT_EQ(-EBADMSG, ward_unpad(text, 32));	/* 16 bytes of padding */
	text[16] = 'x';
	EXPECT_EQ(-EBADMSG, ward_unpad(text + 1, 14));
}

TEST(names_that_no_entry_has)
{
	u8 text[272];

	memset(text, 0, sizeof(text));
	text[0] = '.';
	EXPECT_EQ(-EBADMSG, ward_name_unpad(text, 16));
	text[1] = '.';
	EXPECT_EQ(-EBADMSG, ward_name_unpad(text, 16));
	text[2] = '.';
	EXPECT_EQ(3, ward_name_unpad(text, 16));
	text[1] = 'a';
	EXPECT_EQ(3, ward_name_unpad(text, 16));
	text[2] = '/';
	EXPECT_EQ(-EBADMSG, ward_name_unpad(text, 16));
	text[2] = 0;
	EXPECT_EQ(2, ward_name_unpad(text, 16));	/* ".a" */
	text[0] = 'a';
	text[1] = '.';
	EXPECT_EQ(2, ward_name_unpad(text, 16));
	memset(text, 'x', sizeof(text));
	text[255] = 0;
	EXPECT_EQ(255, ward_name_unpad(text, 256));
	text[255] = 'x';
	EXPECT_EQ(-EBADMSG, ward_name_unpad(text, 256));
	EXPECT_EQ(-EBADMSG, ward_name_unpad(text, 272));
}

TEST_HARNESS_MAIN
