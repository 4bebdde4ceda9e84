// SPDX-License-Identifier: GPL-2.0-or-later
/* The cryptographic primitives against published vectors; more of them in primitives.py. */
#include "harness.h"
#include "lib/crypt.h"

static size_t unhex(const char *hex, uint8_t *out)
{
	size_t n = 0;
	unsigned int v;

	for (; *hex; hex += 2) {
		sscanf(hex, "%2x", &v);
		out[n++] = v;
	}
	return n;
}

struct aead_vector {
	uint16_t suite;
	const char *key, *nonce, *ad, *plain, *cipher, *tag;
};

static const struct aead_vector vectors[] = {
	/* NIST's GCM specification (McGrew, Viega), test cases 13, 14 and 16 */
	{ WARD_SUITE_AES_256_GCM,
	  "0000000000000000000000000000000000000000000000000000000000000000",
	  "000000000000000000000000", "", "", "", "530f8afbc74536b9a963b4f1c4cb738b" },
	{ WARD_SUITE_AES_256_GCM,
	  "0000000000000000000000000000000000000000000000000000000000000000",
	  "000000000000000000000000", "", "00000000000000000000000000000000",
	  "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919" },
	{ WARD_SUITE_AES_256_GCM,
	  "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
	  "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
	  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
	  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
	  "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
	  "76fc6ece0f4e1768cddf8853bb2d551b" },
	/* RFC 8439, section 2.8.2 */
	{ WARD_SUITE_CHACHA20_POLY1305,
	  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
	  "070000004041424344454647", "50515253c0c1c2c3c4c5c6c7",
	  "4c616469657320616e642047656e746c656d656e206f662074686520636c6173"
	  "73206f66202739393a204966204920636f756c64206f6666657220796f75206f"
	  "6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73"
	  "637265656e20776f756c642062652069742e",
	  "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
	  "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
	  "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
	  "3ff4def08e4b7a9de576d26586cec64b6116",
	  "1ae10b594f09e26a7e902ecbd0600691" },
};

TEST(aead)
{
	uint8_t key[32], nonce[12], ad[64], plain[128], cipher[128], tag[16], out[128], got[16];
	size_t i, ad_len, len, bit;

	for (i = 0; i < ARRAY_SIZE(vectors); i++) {
		const struct aead_vector *v = &vectors[i];

		unhex(v->key, key);
		unhex(v->nonce, nonce);
		ad_len = unhex(v->ad, ad);
		len = unhex(v->plain, plain);
		ASSERT_EQ(len, unhex(v->cipher, cipher));
		unhex(v->tag, tag);
		ASSERT_EQ(0, ward_aead_seal(v->suite, key, nonce, ad, ad_len, plain, len, out, got));
		EXPECT_EQ(0, memcmp(cipher, out, len));
		EXPECT_EQ(0, memcmp(tag, got, 16));
		ASSERT_EQ(0, ward_aead_open(v->suite, key, nonce, ad, ad_len, cipher, len, out, tag));
		EXPECT_EQ(0, memcmp(plain, out, len));
		for (bit = 0; bit < 128; bit += 9) {
			tag[bit / 8] ^= 1 << bit % 8;
			ASSERT_EQ(-EBADMSG, ward_aead_open(v->suite, key, nonce, ad, ad_len, cipher,
							   len, out, tag));
			tag[bit / 8] ^= 1 << bit % 8;
		}
		/* Nothing of what did not authenticate is left. */
		for (bit = 0; bit < len; bit++)
			ASSERT_EQ(0, out[bit]);
		if (ad_len) {
			ad[0] ^= 1;
			EXPECT_EQ(-EBADMSG, ward_aead_open(v->suite, key, nonce, ad, ad_len, cipher,
							   len, out, tag));
		}
	}
	EXPECT_EQ(-EPROTONOSUPPORT, ward_aead_open(0, key, nonce, ad, 0, cipher, 1, out, tag));
	EXPECT_EQ(-EPROTONOSUPPORT, ward_aead_seal(3, key, nonce, ad, 0, cipher, 1, out, tag));
}

TEST(in_place)
{
	uint8_t key[32] = { 1 }, nonce[12] = { 2 }, buf[4064], tag[16];
	uint16_t suite;

	for (suite = 1; suite <= 2; suite++) {
		memset(buf, 'x', sizeof(buf));
		ASSERT_EQ(0, ward_aead_seal(suite, key, nonce, "ad", 2, buf, sizeof(buf), buf, tag));
		ASSERT_NE('x', buf[0] & buf[1] & buf[2] & buf[4063]);
		ASSERT_EQ(0, ward_aead_open(suite, key, nonce, "ad", 2, buf, sizeof(buf), buf, tag));
		ASSERT_EQ('x', buf[0] & buf[4063]);
	}
}

/* FIPS 180-4 and RFC 4231, whose short keys HMAC itself pads with zeros. */
TEST(sha256_and_hmac)
{
	uint8_t key[32] = { 0 }, want[32], got[32];

	unhex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", want);
	ASSERT_EQ(0, ward_sha256("abc", 3, got));
	EXPECT_EQ(0, memcmp(want, got, 32));
	memset(key, 0x0b, 20);
	unhex("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7", want);
	ASSERT_EQ(0, ward_hmac_sha256(key, "Hi There", 8, got));
	EXPECT_EQ(0, memcmp(want, got, 32));
	memset(key, 0, 32);
	memcpy(key, "Jefe", 4);
	unhex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", want);
	ASSERT_EQ(0, ward_hmac_sha256(key, "what do ya want for nothing?", 28, got));
	EXPECT_EQ(0, memcmp(want, got, 32));
}

TEST(hkdf)
{
	uint8_t salt[16] = { 1 }, ikm[32] = { 2 }, a[64], b[64], info[64];

	ASSERT_EQ(0, ward_hkdf(salt, ikm, 32, "label", "identity", 8, a, 64));
	/* The label and the id are one string; a shorter output is a prefix. */
	ASSERT_EQ(0, ward_hkdf_salt(salt, 16, ikm, 32, "labelidentity", 13, b, 32));
	EXPECT_EQ(0, memcmp(a, b, 32));
	ASSERT_EQ(0, ward_hkdf(salt, ikm, 32, "labelidentity", NULL, 0, b, 64));
	EXPECT_EQ(0, memcmp(a, b, 64));
	salt[15] ^= 1;
	ASSERT_EQ(0, ward_hkdf(salt, ikm, 32, "labelidentity", NULL, 0, b, 64));
	EXPECT_NE(0, memcmp(a, b, 64));
	EXPECT_EQ(-EINVAL, ward_hkdf(salt, ikm, 0, "label", NULL, 0, b, 64));
	EXPECT_EQ(-EINVAL, ward_hkdf(salt, ikm, 32, "label", info, 65, b, 64));
}

TEST(siv)
{
	uint8_t keys[64], text[300], sealed[316], got[300];
	size_t len, i;

	for (i = 0; i < 64; i++)
		keys[i] = i;
	for (i = 0; i < sizeof(text); i++)
		text[i] = i * 7;
	for (len = 0; len <= sizeof(text); len += 20) {
		ASSERT_EQ(0, ward_siv_seal(keys, 1, NULL, 0, text, len, sealed));
		ASSERT_EQ(0, ward_siv_open(keys, 1, NULL, 0, sealed, 16 + len, got));
		ASSERT_EQ(0, memcmp(text, got, len));
		/* Another type, other associated data, each byte changed. */
		ASSERT_EQ(-EBADMSG, ward_siv_open(keys, 2, NULL, 0, sealed, 16 + len, got));
		ASSERT_EQ(-EBADMSG, ward_siv_open(keys, 1, "x", 1, sealed, 16 + len, got));
		for (i = 0; i < 16 + len; i++) {
			sealed[i] ^= 0x40;
			ASSERT_EQ(-EBADMSG, ward_siv_open(keys, 1, NULL, 0, sealed, 16 + len, got));
			sealed[i] ^= 0x40;
		}
		if (len)
			ASSERT_EQ(-EBADMSG, ward_siv_open(keys, 1, NULL, 0, sealed, 15 + len, got));
	}
	EXPECT_EQ(-EBADMSG, ward_siv_open(keys, 1, NULL, 0, sealed, 15, got));
	EXPECT_EQ(-EBADMSG, ward_siv_open(keys, 1, NULL, 0, sealed, 0, got));
}

TEST(argon2id)
{
	uint8_t salt[32] = { 3 }, a[32], b[32], zero[32] = { 0 };

	ASSERT_EQ(0, ward_argon2id("secret", 6, salt, 1, 64, 1, a));
	ASSERT_EQ(0, ward_argon2id("secret", 6, salt, 1, 64, 1, b));
	EXPECT_EQ(0, memcmp(a, b, 32));
	ASSERT_EQ(0, ward_argon2id("secres", 6, salt, 1, 64, 1, b));
	EXPECT_NE(0, memcmp(a, b, 32));
	ASSERT_EQ(0, ward_argon2id("secret", 6, salt, 2, 64, 1, b));
	EXPECT_NE(0, memcmp(a, b, 32));
	/* What a hostile vault file may not ask for. */
	memset(b, 0, 32);
	EXPECT_EQ(-EINVAL, ward_argon2id("s", 1, salt, 0, 64, 1, b));
	EXPECT_EQ(-EINVAL, ward_argon2id("s", 1, salt, 1, 64, 0, b));
	EXPECT_EQ(-EINVAL, ward_argon2id("s", 1, salt, 1, 7, 1, b));
	EXPECT_EQ(-EINVAL, ward_argon2id("s", 1, salt, 1, UINT32_MAX, 1, b));
	EXPECT_EQ(-EINVAL, ward_argon2id("s", 1, salt, UINT32_MAX, 64, 1, b));
	EXPECT_EQ(-EINVAL, ward_argon2id("s", 1, salt, 1, 64, UINT32_MAX, b));
	EXPECT_EQ(0, memcmp(b, zero, 32));
}

TEST(random_bytes)
{
	uint8_t a[1000] = { 0 }, b[1000] = { 0 };

	ASSERT_EQ(0, ward_random(a, sizeof(a)));
	ASSERT_EQ(0, ward_random(b, sizeof(b)));
	EXPECT_NE(0, memcmp(a, b, sizeof(a)));
	EXPECT_EQ(0, ward_random(a, 0));
}

TEST_HARNESS_MAIN
