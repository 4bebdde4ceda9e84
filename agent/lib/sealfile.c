// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The sealing key on the disk. The file has two places of 4096 bytes. A new key is
 * written into the one that is free and made durable, then the old one is overwritten
 * with zeros, in place, and that made durable: a rename would leave the old key in a block
 * that is free, where whoever gets root later finds it. After a crash between the two both
 * are there; the later one counts, and the other is wiped when the file is next stored.
 *
 *	offset	bytes
 *	0	8	"WARDSEAL"
 *	8	4	version of the format, 1, little-endian as all numbers
 *	12	4	generation: one more for each chain of keys
 *	16	16	id of the chain
 *	32	8	number of the seal that the key is for
 *	40	8	lines of the log up to the last seal
 *	48	32	SHA-256 of that seal's line
 *	80	32	the key
 *	112	32	SHA-256 of bytes 0 to 111: against torn writes, not against people
 */
#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/fs.h>
#include <openssl/crypto.h>

#include "crypt.h"
#include "durable.h"
#include "seal.h"
#include "text.h"

#define PLACE		4096
#define MAGIC		"WARDSEAL"
#define VERSION		1

struct place {
	char magic[8];
	uint32_t version;
	uint32_t generation;
	uint8_t id[WARD_SEAL_ID_SIZE];
	uint64_t number;
	uint64_t line;
	uint8_t last[32];
	uint8_t key[WARD_SEAL_KEY_SIZE];
	uint8_t check[32];
};

_Static_assert(sizeof(struct place) == 144, "the places have no gaps");

static bool whole(const struct place *p)
{
	uint8_t digest[32];

	return !memcmp(p->magic, MAGIC, sizeof(p->magic)) && le32toh(p->version) == VERSION &&
	       !ward_sha256(p, offsetof(struct place, check), digest) &&
	       !memcmp(digest, p->check, sizeof(digest));
}

/* Is @a the later one? */
static bool later(const struct place *a, const struct place *b)
{
	if (a->generation != b->generation)
		return le32toh(a->generation) > le32toh(b->generation);
	return le64toh(a->number) > le64toh(b->number);
}

/* Both places; @current is the one that counts, -1 for none. */
static int read_places(int fd, struct place places[2], int *current)
{
	int i;

	*current = -1;
	for (i = 0; i < 2; i++) {
		ssize_t n = pread(fd, &places[i], sizeof(places[i]), i * PLACE);

		if (n < 0)
			return -errno;
		if (n == sizeof(places[i]) && whole(&places[i]) &&
		    (*current < 0 || later(&places[i], &places[*current])))
			*current = i;
	}
	return 0;
}

/**
 * ward_sealfile_load - read the sealing key
 * @dirfd: the directory
 * @name: the file's name
 * @state: filled in; wipe @key after use
 *
 * Return: 0; -ENOENT: there is none; -EBADMSG: it is damaged; another negative errno.
 */
int ward_sealfile_load(int dirfd, const char *name, struct ward_seal_state *state)
{
	int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	struct place places[2];
	int current, ret;

	if (fd < 0)
		return -errno;
	ret = read_places(fd, places, &current);
	if (!ret && current < 0)
		ret = -EBADMSG;
	if (!ret) {
		const struct place *p = &places[current];

		memcpy(state->id, p->id, sizeof(state->id));
		state->number = le64toh(p->number);
		state->line = le64toh(p->line);
		memcpy(state->last, p->last, sizeof(state->last));
		memcpy(state->key, p->key, sizeof(state->key));
	}
	explicit_bzero(places, sizeof(places));
	close(fd);
	return ret;
}

/*
 * Where files are written anew instead of in place, at least this one is not: on btrfs.
 * Elsewhere the flag means nothing and is refused.
 */
static void in_place(int fd)
{
	int flags;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags))
		return;
	flags |= FS_NOCOW_FL;
	if (ioctl(fd, FS_IOC_SETFLAGS, &flags))
		return;
}

static int write_place(int fd, int i, const struct place *p)
{
	uint8_t block[PLACE] = { 0 };
	int ret = 0;

	if (p)
		memcpy(block, p, sizeof(*p));
	if (pwrite(fd, block, sizeof(block), (off_t)i * PLACE) != sizeof(block))
		ret = errno ? -errno : -EIO;
	if (!ret && fdatasync(fd))
		ret = -errno;
	explicit_bzero(block, sizeof(block));
	return ret;
}

/* Both places have their blocks from the beginning: later the disk may be full. */
static int make(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK |
			O_CLOEXEC, 0600);
	struct stat st;
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	if (st.st_size >= 2 * PLACE)
		return fd;
	in_place(fd);
	errno = 0;
	if (st.st_size < PLACE)
		ret = write_place(fd, 0, NULL);
	if (!ret)
		ret = write_place(fd, 1, NULL);
	if (!ret && fsync(fd))
		ret = -errno;
	if (!ret)
		ret = ward_durable_sync_dir(dirfd);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

/**
 * ward_sealfile_store - put the sealing key in the place of the one before
 * @dirfd: the directory
 * @name: the file's name; it is made when it is not there
 * @state: the key and what goes with it
 *
 * When this returns 0, @state survives a crash, and nothing of an earlier key is left in the
 * file. Otherwise the earlier one, @state, or both are there.
 *
 * Return: 0 or a negative errno.
 */
int ward_sealfile_store(int dirfd, const char *name, const struct ward_seal_state *state)
{
	struct place places[2], p = { .version = htole32(VERSION) };
	int fd = make(dirfd, name), current, ret;

	if (fd < 0)
		return fd;
	errno = 0;
	ret = read_places(fd, places, &current);
	if (ret)
		goto close;
	memcpy(p.magic, MAGIC, sizeof(p.magic));
	memcpy(p.id, state->id, sizeof(p.id));
	p.number = htole64(state->number);
	p.line = htole64(state->line);
	memcpy(p.last, state->last, sizeof(p.last));
	memcpy(p.key, state->key, sizeof(p.key));
	if (current >= 0) {
		bool same = !memcmp(places[current].id, p.id, sizeof(p.id));

		p.generation = htole32(le32toh(places[current].generation) + !same);
	}
	ret = ward_sha256(&p, offsetof(struct place, check), p.check);
	if (!ret)
		ret = write_place(fd, current == 0, &p);
	if (!ret)
		ret = write_place(fd, current != 0, NULL);
close:
	explicit_bzero(places, sizeof(places));
	explicit_bzero(&p, sizeof(p));
	close(fd);
	return ret;
}

/**
 * ward_sealfile_remove - wipe and remove a file with a key
 * @dirfd: the directory
 * @name: the file's name; none of that name is no error
 *
 * Return: 0 or a negative errno.
 */
int ward_sealfile_remove(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDWR | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	errno = 0;
	ret = write_place(fd, 0, NULL);
	if (!ret)
		ret = write_place(fd, 1, NULL);
	close(fd);
	return ret ? ret : ward_durable_unlink(dirfd, name);
}

/**
 * ward_sealfile_begin - make the first key of a machine
 * @dirfd: the directory
 * @state: filled in; wipe @key after use
 *
 * The key lies there twice: to be moved forward, and to be given out.
 *
 * Return: 0 or a negative errno.
 */
int ward_sealfile_begin(int dirfd, struct ward_seal_state *state)
{
	int ret;

	memset(state, 0, sizeof(*state));
	ret = ward_random(state->key, sizeof(state->key));
	if (!ret)
		ret = ward_seal_id(state->key, state->id);
	if (!ret)
		ret = ward_sealfile_store(dirfd, WARD_SEAL_PENDING, state);
	if (!ret)
		ret = ward_sealfile_store(dirfd, WARD_SEAL_STATE, state);
	return ret;
}

/* ---- as people keep it -------------------------------------------------------------- */

/**
 * ward_sealkey_text - a verification key as people keep it
 * @key: A_0
 * @text: the form of recovery keys out
 * @size: room there, at least WARD_RECOVERY_TEXT bytes
 *
 * Return: 0 or a negative errno.
 */
int ward_sealkey_text(const uint8_t key[WARD_SEAL_KEY_SIZE], char *text, size_t size)
{
	if (size < WARD_RECOVERY_TEXT)
		return -ENOSPC;
	return ward_text_recovery(key, text);
}

/**
 * ward_sealkey_parse - read verification keys
 * @text: one a line; lines that begin with "#" and empty ones are passed over
 * @length: bytes
 * @keys: filled in; wipe it after use
 * @err: says what is wrong
 *
 * Return: 0 or a negative errno.
 */
int ward_sealkey_parse(const char *text, size_t length, struct ward_seal_keys *keys,
		       struct ward_err *err)
{
	const char *end = text + length;
	int line, ret = 0;

	memset(keys, 0, sizeof(*keys));
	for (line = 1; !ret && text < end; line++) {
		const char *newline = memchr(text, '\n', end - text);
		const char *stop = newline ? newline : end, *p = text;

		text = newline ? newline + 1 : end;
		while (p < stop && isspace((unsigned char)*p))
			p++;
		if (p == stop || *p == '#')
			continue;
		if (keys->count == WARD_SEAL_KEYS) {
			ret = ward_fail(err, E2BIG, WARD_USAGE, "there are more than %d keys",
					WARD_SEAL_KEYS);
			break;
		}
		ret = ward_text_parse_recovery(p, stop - p, keys->first[keys->count]);
		if (!ret)
			ret = ward_seal_id(keys->first[keys->count], keys->id[keys->count]);
		if (ret)
			ward_fail(err, -ret, WARD_BAD_KEY, "line %d is no verification key of a log: %s",
				  line, ret == -EBADMSG ? "something in it is mistyped" :
				  "it has 14 groups of 4 letters and digits");
		keys->count += !ret;
	}
	if (!ret && !keys->count)
		ret = ward_fail(err, EINVAL, WARD_BAD_KEY, "there is no verification key in it");
	if (ret)
		explicit_bzero(keys, sizeof(*keys));
	return ret;
}
