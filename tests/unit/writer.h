/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A writer of small vaults, for tests only: it is written from docs/format.md,
 * apart from the kernel's writer and from the reader, so that a mistake in one
 * of the three shows. Everything is deterministic: fixed keys, ids and nonces.
 * Never use it for real data.
 */
#ifndef UNIT_WRITER_H
#define UNIT_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WRITER_PASSPHRASE	"ward-test-passphrase"
#define WRITER_KEYFILE		"ward test key file, thirty-two..."

/**
 * struct writer - a vault that is being written
 * @suite: 1 AES-256-GCM, 2 ChaCha20-Poly1305
 * @uuid: of the vault
 * @master: master key
 * @recovery: the recovery key's 32 bytes
 * @wrap: wrapping key
 * @names: names key
 * @links: links key
 * @counter: of nonces
 * @serial: of ids and keys drawn
 */
struct writer {
	uint16_t suite;
	uint8_t uuid[16];
	uint8_t master[32];
	uint8_t recovery[32];
	uint8_t wrap[32];
	uint8_t names[32];
	uint8_t links[32];
	uint64_t counter;
	uint64_t serial;
};

/**
 * struct writer_file - what a file's blocks are sealed with
 * @id: file id
 * @key: file key
 */
struct writer_file {
	uint8_t id[16];
	uint8_t key[32];
};

void writer_init(struct writer *w, uint16_t suite, uint8_t seed);
void writer_draw(struct writer *w, void *out, size_t len);

/* What stands in .ward/; the results are bytes for the files. */
size_t writer_vault(struct writer *w, uint64_t revision, uint8_t *out, size_t size);
void writer_epoch(struct writer *w, uint64_t sequence, uint32_t epoch, uint16_t flags,
		  uint8_t out[4096]);
size_t writer_policy(struct writer *w, uint8_t *out, size_t size);

/* Names: 255 characters at most, and the target of the hidden symlink or "". */
void writer_name(struct writer *w, const uint8_t dir[16], const char *name, char lower[256],
		 char hidden[64], char full[512]);
void writer_dirid(const uint8_t id[16], char target[23]);
void writer_target(struct writer *w, const char *target, char lower[4096]);
void writer_xattr(struct writer *w, const uint8_t keys[64], const char *name, const void *value,
		  size_t len, char lower_name[256], uint8_t *lower_value);
void writer_dir_xattr_keys(struct writer *w, const uint8_t dir[16], uint8_t keys[64]);
void writer_file_xattr_keys(struct writer *w, const struct writer_file *f, uint8_t keys[64]);

/* Contents: 512 bytes of header; the 4096 or 3584 bytes of a data unit. */
void writer_file_new(struct writer *w, struct writer_file *f);
void writer_header(struct writer *w, const struct writer_file *f, uint32_t flags,
		   uint8_t out[512]);
size_t writer_unit(struct writer *w, const struct writer_file *f, uint64_t block,
		   const void *payload, size_t length, uint16_t flags, uint8_t *out);

#endif
