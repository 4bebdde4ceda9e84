// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A writer of small vaults, for tests only: docs/format.md, with the numbers
 * written out. Only the cryptographic primitives are shared with the reader;
 * those have vectors of their own (test_crypt.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypt.h"
#include "writer.h"

static void need(int err, const char *what)
{
	if (err) {
		fprintf(stderr, "writer: %s: %s\n", what, strerror(-err));
		exit(1);
	}
}

static void put(uint8_t *p, uint64_t v, int bytes)
{
	while (bytes--) {
		*p++ = v;
		v >>= 8;
	}
}

static size_t base64url(const uint8_t *in, size_t len, char *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t i, n = 0, bit;

	for (bit = 0; bit < 8 * len; bit += 6) {
		unsigned int v = 0;

		for (i = bit; i < bit + 6; i++)
			v = v << 1 | (i < 8 * len ? in[i / 8] >> (7 - i % 8) & 1 : 0);
		out[n++] = digits[v];
	}
	out[n] = 0;
	return n;
}

static size_t padded(const char *text, size_t len, uint8_t *out)
{
	size_t n = (len + 15) & ~(size_t)15;

	memset(out, 0, n);
	memcpy(out, text, len);
	return n;
}

/**
 * writer_draw - "random" bytes, the same in each run
 * @w: the writer
 * @out: to be filled
 * @len: bytes, at most 32
 */
void writer_draw(struct writer *w, void *out, size_t len)
{
	uint8_t seed[24], digest[32];

	memcpy(seed, w->uuid, 16);
	put(seed + 16, w->serial++, 8);
	need(ward_sha256(seed, sizeof(seed), digest), "sha256");
	memcpy(out, digest, len);
}

/* Epoch 1, a fixed salt, and a counter. */
static void draw_nonce(struct writer *w, uint8_t nonce[12])
{
	uint64_t c = w->counter++;
	int i;

	memcpy(nonce, "\0\0\1salt", 7);
	for (i = 0; i < 5; i++)
		nonce[7 + i] = c >> (32 - 8 * i);
}

/**
 * writer_init - begin a vault
 * @w: the writer
 * @suite: 1 AES-256-GCM, 2 ChaCha20-Poly1305
 * @seed: another one gives another vault
 */
void writer_init(struct writer *w, uint16_t suite, uint8_t seed)
{
	memset(w, 0, sizeof(*w));
	w->suite = suite;
	memset(w->uuid, 0xd0 + seed, sizeof(w->uuid));
	writer_draw(w, w->master, 32);
	writer_draw(w, w->recovery, 32);
	need(ward_hkdf_salt(w->uuid, 16, w->master, 32, "ward 1 wrap", 11, w->wrap, 32), "hkdf");
	need(ward_hkdf_salt(w->uuid, 16, w->master, 32, "ward 1 names", 12, w->names, 32), "hkdf");
	need(ward_hkdf_salt(w->uuid, 16, w->master, 32, "ward 1 links", 12, w->links, 32), "hkdf");
}

static void mac_under(struct writer *w, const char *label, const uint8_t *bytes, size_t len,
		      uint8_t *mac)
{
	uint8_t key[32];

	need(ward_hkdf_salt(w->uuid, 16, w->master, 32, label, strlen(label), key, 32), "hkdf");
	need(ward_hmac_sha256(key, bytes, len, mac), "hmac");
}

static size_t slot(struct writer *w, const uint8_t *header, uint8_t *s, int id)
{
	static const char *const labels[] = { "passphrase", "recovery key", "key file" };
	const void *secret = id == 1 ? (const void *)WRITER_PASSPHRASE :
			     id == 2 ? (const void *)w->recovery : WRITER_KEYFILE;
	size_t len = id == 2 ? 32 : strlen(secret);
	uint8_t key[32], ad[256];

	memset(s, 0, 200);
	put(s, 200, 4);
	put(s + 4, id, 2);			/* type: passphrase, recovery, key file */
	put(s + 6, id == 1 ? 1 : 2, 2);		/* Argon2id or HKDF */
	put(s + 8, id, 4);
	if (id == 1) {
		put(s + 12, 1, 4);		/* as cheap as can be: this guards nothing */
		put(s + 16, 64, 4);
		put(s + 20, 1, 4);
	}
	put(s + 24, 1750000000, 8);
	strcpy((char *)s + 32, labels[id - 1]);
	writer_draw(w, s + 96, 32);
	writer_draw(w, s + 128, 12);
	if (id == 1)
		need(ward_argon2id(secret, len, s + 96, 1, 64, 1, key), "argon2id");
	else
		need(ward_hkdf_salt(s + 96, 32, secret, len, "ward 1 slot", 11, key, 32), "hkdf");
	memcpy(ad, header + 16, 20);		/* UUID, generation */
	memcpy(ad + 20, s, 140);		/* the slot, up to and with its nonce */
	need(ward_aead_seal(w->suite, key, s + 128, ad, 160, w->master, 32, s + 140, s + 172),
	     "seal");
	return 200;
}

/**
 * writer_vault - a vault file with a passphrase, a recovery key and a key file
 * @w: the writer
 * @revision: of the file
 * @out: the file
 * @size: room, bytes
 *
 * Return: its length.
 */
size_t writer_vault(struct writer *w, uint64_t revision, uint8_t *out, size_t size)
{
	size_t n = 64;
	int id;

	if (size < 64 + 3 * 200 + 32)
		return 0;
	memset(out, 0, n);
	memcpy(out, "WARDVLT", 8);
	put(out + 8, 1, 2);
	put(out + 10, w->suite, 2);
	put(out + 12, 64 + 3 * 200 + 32, 4);
	memcpy(out + 16, w->uuid, 16);
	put(out + 32, 1, 4);			/* generation */
	put(out + 36, 3, 4);
	put(out + 40, revision, 8);
	for (id = 1; id <= 3; id++)
		n += slot(w, out, out + n, id);
	mac_under(w, "ward 1 vault mac", out, n, out + n);
	return n + 32;
}

/**
 * writer_epoch - one epoch record
 * @w: the writer
 * @sequence: of the record
 * @epoch: number of the epoch
 * @flags: 1 clean, 2 checked
 * @out: 4096 bytes
 */
void writer_epoch(struct writer *w, uint64_t sequence, uint32_t epoch, uint16_t flags,
		  uint8_t out[4096])
{
	memset(out, 0, 4096);
	memcpy(out, "WARDEPO", 8);
	put(out + 8, 1, 2);
	put(out + 10, flags, 2);
	put(out + 12, epoch, 4);
	memcpy(out + 16, w->uuid, 16);
	put(out + 32, sequence, 8);
	mac_under(w, "ward 1 epoch mac", out, 4064, out + 4064);
}

/**
 * writer_policy - a compiled policy that lets everybody do everything
 * @w: the writer
 * @out: the file
 * @size: room, bytes
 *
 * Return: its length.
 */
size_t writer_policy(struct writer *w, uint8_t *out, size_t size)
{
	const size_t n = 64 + 80;

	if (size < n + 32)
		return 0;
	memset(out, 0, n);
	memcpy(out, "WARDPOL", 8);
	put(out + 8, 1, 2);
	put(out + 12, n + 32, 4);
	memcpy(out + 16, w->uuid, 16);
	put(out + 32, 1, 8);			/* serial */
	put(out + 40, 1, 4);			/* rules */
	put(out + 64, 80, 4);
	put(out + 68, 1, 2);			/* allow */
	put(out + 72, 0x3ff, 4);		/* every operation */
	strcpy((char *)out + 80, "everybody");
	mac_under(w, "ward 1 policy mac", out, n, out + n);
	return n + 32;
}

static void labelled(struct writer *w, const uint8_t *key, const char *label, const uint8_t *id,
		     uint8_t out[64])
{
	uint8_t info[64];
	size_t n = strlen(label);

	memcpy(info, label, n);
	memcpy(info + n, id, 16);
	need(ward_hkdf_salt(w->uuid, 16, key, 32, info, n + 16, out, 64), "hkdf");
}

/**
 * writer_name - the lower name of an entry
 * @w: the writer
 * @dir: id of the directory that holds it
 * @name: the name
 * @lower: its lower name
 * @hidden: name of the hidden symlink that a long name needs; "" for others
 * @full: target of that symlink
 */
void writer_name(struct writer *w, const uint8_t dir[16], const char *name, char lower[256],
		 char hidden[64], char full[512])
{
	uint8_t keys[64], text[256], sealed[16 + 256], digest[32];
	size_t n = padded(name, strlen(name), text);

	labelled(w, w->names, "ward 1 directory", dir, keys);
	need(ward_siv_seal(keys, 1, NULL, 0, text, n, sealed), "siv");
	base64url(sealed, 16 + n, full);
	hidden[0] = 0;
	if (strlen(name) <= 160) {
		strcpy(lower, full);
		return;
	}
	need(ward_sha256(sealed, 16 + n, digest), "sha256");
	lower[0] = '=';
	base64url(digest, 32, lower + 1);
	strcpy(hidden, ".ward-n");
	strcat(hidden, lower + 1);
}

/**
 * writer_dirid - the target of a directory's hidden symlink
 * @id: the directory's id
 * @target: 22 characters and a NUL
 */
void writer_dirid(const uint8_t id[16], char target[23])
{
	base64url(id, 16, target);
}

/**
 * writer_target - the lower target of a symlink
 * @w: the writer
 * @target: up to 3024 bytes
 * @lower: the lower target
 */
void writer_target(struct writer *w, const char *target, char lower[4096])
{
	uint8_t raw[16 + 16 + 3040], text[3040], keys[64];
	size_t n = padded(target, strlen(target), text);

	writer_draw(w, raw, 16);
	labelled(w, w->links, "ward 1 symlink", raw, keys);
	need(ward_siv_seal(keys, 2, NULL, 0, text, n, raw + 16), "siv");
	base64url(raw, 32 + n, lower);
}

/**
 * writer_dir_xattr_keys - the keys of a directory's user xattrs
 * @w: the writer
 * @dir: the directory's id
 * @keys: 64 bytes out
 */
void writer_dir_xattr_keys(struct writer *w, const uint8_t dir[16], uint8_t keys[64])
{
	labelled(w, w->names, "ward 1 xattr", dir, keys);
}

/**
 * writer_file_xattr_keys - the keys of a file's user xattrs
 * @w: the writer
 * @f: the file
 * @keys: 64 bytes out
 */
void writer_file_xattr_keys(struct writer *w, const struct writer_file *f, uint8_t keys[64])
{
	labelled(w, f->key, "ward 1 xattr", f->id, keys);
}

/**
 * writer_xattr - a user xattr
 * @w: the writer
 * @keys: of the object's user xattrs
 * @name: what follows "user.", at most 160 bytes
 * @value: the value
 * @len: its bytes
 * @lower_name: name of the lower xattr
 * @lower_value: 16 + @len bytes
 */
void writer_xattr(struct writer *w, const uint8_t keys[64], const char *name, const void *value,
		  size_t len, char lower_name[256], uint8_t *lower_value)
{
	uint8_t ad[2 + 160], sealed[16 + 160];
	size_t n = padded(name, strlen(name), ad + 2);

	(void)w;
	need(ward_siv_seal(keys, 3, NULL, 0, ad + 2, n, sealed), "siv");
	strcpy(lower_name, "user.ward.");
	base64url(sealed, 16 + n, lower_name + 10);
	put(ad, n, 2);
	need(ward_siv_seal(keys, 4, ad, 2 + n, value, len, lower_value), "siv");
}

/**
 * writer_file_new - draw a file's id and key
 * @w: the writer
 * @f: filled
 */
void writer_file_new(struct writer *w, struct writer_file *f)
{
	writer_draw(w, f->id, 16);
	writer_draw(w, f->key, 32);
}

/**
 * writer_header - a file's header
 * @w: the writer
 * @f: the file
 * @flags: 1 empty, 2 sparse
 * @out: 512 bytes
 */
void writer_header(struct writer *w, const struct writer_file *f, uint32_t flags,
		   uint8_t out[512])
{
	uint8_t ad[464];

	memset(out, 0, 512);
	memcpy(out, "WARDFIL", 8);
	put(out + 8, 1, 2);
	put(out + 10, w->suite, 2);
	put(out + 12, 1, 4);
	memcpy(out + 16, w->uuid, 16);
	memcpy(out + 32, f->id, 16);
	put(out + 48, flags, 4);
	draw_nonce(w, out + 52);
	memcpy(ad, out, 64);
	memset(ad + 64, 0, 400);
	need(ward_aead_seal(w->suite, w->wrap, out + 52, ad, 464, f->key, 32, out + 64, out + 96),
	     "seal");
}

/**
 * writer_unit - a data unit
 * @w: the writer
 * @f: the file
 * @block: index of its block
 * @payload: bytes in use
 * @length: how many
 * @flags: 1 last
 * @out: 3584 bytes for block 0 (what follows the header), else 4096
 *
 * Return: bytes in @out.
 */
size_t writer_unit(struct writer *w, const struct writer_file *f, uint64_t block,
		   const void *payload, size_t length, uint16_t flags, uint8_t *out)
{
	size_t cap = block ? 4064 : 3552;
	uint8_t ad[16] = { 0 };

	draw_nonce(w, out);
	put(out + 28, length, 2);
	put(out + 30, flags, 2);
	put(ad, 1, 2);
	put(ad + 2, flags, 2);
	put(ad + 4, length, 2);
	put(ad + 8, block, 8);
	memset(out + 32, 0, cap);
	memcpy(out + 32, payload, length);
	need(ward_aead_seal(w->suite, f->key, out, ad, 16, out + 32, cap, out + 32, out + 12),
	     "seal");
	return 32 + cap;
}
