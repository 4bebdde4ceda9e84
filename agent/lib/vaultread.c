// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading the vault file: docs/format.md, "Vault file". Its bytes are hostile
 * until the MAC under the master key, which a slot has to give up first, says
 * otherwise: every length is checked, and every cost that a slot asks for.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "vaultread.h"

static uint16_t get16(const void *p)
{
	const uint8_t *b = p;

	return b[0] | b[1] << 8;
}

static uint32_t get32(const void *p)
{
	return get16(p) | (uint32_t)get16((const uint8_t *)p + 2) << 16;
}

static uint64_t get64(const void *p)
{
	return get32(p) | (uint64_t)get32((const uint8_t *)p + 4) << 32;
}

static bool all_zero(const uint8_t *p, size_t len)
{
	while (len--)
		if (*p++)
			return false;
	return true;
}

static int parse_slot(const struct ward_vault_slot *s, size_t room)
{
	const uint8_t *data = (const uint8_t *)(s + 1);
	size_t length, used, text;

	if (room < sizeof(*s))
		return -EBADMSG;
	length = get32(&s->length);
	used = get32(&s->data_length);
	if (length > room || length % 8 || length < sizeof(*s) || used > length - sizeof(*s) ||
	    length - sizeof(*s) - used >= 8)
		return -EBADMSG;
	text = strnlen((const char *)s->label, sizeof(s->label));
	if (!all_zero(s->reserved, sizeof(s->reserved)) ||
	    !all_zero(data + used, length - sizeof(*s) - used) ||
	    !all_zero(s->label + text, sizeof(s->label) - text))
		return -EBADMSG;
	return 0;
}

/**
 * ward_vault_parse - check the structure of a vault file
 * @bytes: the file
 * @length: its bytes
 *
 * Authenticates nothing: see ward_vault_verify(). A slot of an unknown type
 * does not make the file invalid: it opens with nothing that we know.
 *
 * Return: 0, -EBADMSG when it is damaged or not a vault file, -EPROTONOSUPPORT
 * for a version or suite that is not known.
 */
int ward_vault_parse(const uint8_t *bytes, size_t length)
{
	const struct ward_vault_header *h = (const void *)bytes;
	size_t at = sizeof(*h), end;
	uint32_t i, slots;
	uint16_t suite;
	int err;

	if (length < sizeof(*h) + WARD_MAC_SIZE || length > WARD_VAULT_MAX ||
	    memcmp(h->magic, WARD_VAULT_MAGIC, sizeof(h->magic)))
		return -EBADMSG;
	suite = get16(&h->suite);
	if (get16(&h->version) != WARD_FORMAT_VERSION ||
	    (suite != WARD_SUITE_AES_256_GCM && suite != WARD_SUITE_CHACHA20_POLY1305))
		return -EPROTONOSUPPORT;
	if (get32(&h->length) != length || !all_zero(h->reserved, sizeof(h->reserved)))
		return -EBADMSG;
	end = length - WARD_MAC_SIZE;
	slots = get32(&h->slots);
	for (i = 0; i < slots; i++) {
		const struct ward_vault_slot *s = (const void *)(bytes + at);

		err = parse_slot(s, end - at);
		if (err)
			return err;
		at += get32(&s->length);
	}
	return at == end ? 0 : -EBADMSG;
}

/**
 * ward_vault_header - the header of a parsed vault file
 * @v: a copy with bytes
 *
 * Return: the header; valid as long as @v is.
 */
const struct ward_vault_header *ward_vault_header(const struct ward_vault *v)
{
	return (const void *)v->bytes;
}

/**
 * ward_vault_next_slot - walk the slots of a parsed vault file
 * @v: a copy with bytes
 * @slot: the slot before, or NULL for the first one
 *
 * Return: the slot (its data follow it), or NULL after the last one.
 */
const struct ward_vault_slot *ward_vault_next_slot(const struct ward_vault *v,
						   const struct ward_vault_slot *slot)
{
	const uint8_t *next = slot ? (const uint8_t *)slot + get32(&slot->length) :
				     v->bytes + sizeof(struct ward_vault_header);

	return next < v->bytes + v->length - WARD_MAC_SIZE ? (const void *)next : NULL;
}

/**
 * ward_vault_verify - does the MAC of a vault file hold under a master key
 * @v: a parsed copy
 * @master: the master key
 *
 * Return: 0, -EBADMSG when it does not, -EIO when the library fails.
 */
int ward_vault_verify(const struct ward_vault *v, const uint8_t master[WARD_KEY_SIZE])
{
	uint8_t key[WARD_KEY_SIZE], mac[WARD_MAC_SIZE];
	size_t covered = v->length - WARD_MAC_SIZE;
	int err;

	err = ward_hkdf(ward_vault_header(v)->vault, master, WARD_KEY_SIZE, WARD_LABEL_VAULT_MAC,
			NULL, 0, key, sizeof(key));
	if (!err)
		err = ward_hmac_sha256(key, v->bytes, covered, mac);
	if (!err && CRYPTO_memcmp(mac, v->bytes + covered, sizeof(mac)))
		err = -EBADMSG;
	explicit_bzero(key, sizeof(key));
	explicit_bzero(mac, sizeof(mac));
	return err;
}

/**
 * ward_slot_aad - the associated data of a slot's wrapping
 * @h: header of the vault file
 * @slot: the slot, followed by its data
 * @aad: to be filled
 * @size: room in @aad, bytes; WARD_VAULT_MAX is always enough
 *
 * Return: bytes used, or 0 when there is not room enough.
 */
size_t ward_slot_aad(const struct ward_vault_header *h, const struct ward_vault_slot *slot,
		     uint8_t *aad, size_t size)
{
	const size_t head = offsetof(struct ward_vault_slot, wrapped_key);
	size_t data = get32(&slot->data_length), n = 0;

	if (size < WARD_UUID_SIZE + 4 + head || size - (WARD_UUID_SIZE + 4 + head) < data)
		return 0;
	memcpy(aad, h->vault, WARD_UUID_SIZE);
	n += WARD_UUID_SIZE;
	memcpy(aad + n, &h->generation, 4);
	n += 4;
	memcpy(aad + n, slot, head);
	n += head;
	memcpy(aad + n, slot + 1, data);
	return n + data;
}

/**
 * ward_slot_key - the key that a secret gives for a slot
 * @slot: the slot: its KDF, costs and salt are used
 * @factor: the secret
 * @key: 32 bytes out; wiped on failure
 *
 * Return: 0, -EPROTONOSUPPORT for an unknown KDF, -EINVAL for costs outside
 * the limits of ward_argon2id(), -ENOMEM, -EIO.
 */
int ward_slot_key(const struct ward_vault_slot *slot, const struct ward_factor *factor,
		  uint8_t key[WARD_KEY_SIZE])
{
	switch (get16(&slot->kdf)) {
	case WARD_KDF_ARGON2ID:
		return ward_argon2id(factor->data, factor->length, slot->salt,
				     get32(&slot->time_cost), get32(&slot->memory_cost),
				     get32(&slot->lanes), key);
	case WARD_KDF_HKDF:
		return ward_hkdf_salt(slot->salt, sizeof(slot->salt), factor->data,
				      factor->length, WARD_LABEL_SLOT, strlen(WARD_LABEL_SLOT),
				      key, WARD_KEY_SIZE);
	default:
		return -EPROTONOSUPPORT;
	}
}

static int open_slot(const struct ward_vault *v, const struct ward_vault_slot *slot,
		     const struct ward_factor *factor, uint8_t *master)
{
	const struct ward_vault_header *h = ward_vault_header(v);
	uint8_t key[WARD_KEY_SIZE], *aad;
	size_t n;
	int err;

	aad = malloc(WARD_VAULT_MAX);
	if (!aad)
		return -ENOMEM;
	n = ward_slot_aad(h, slot, aad, WARD_VAULT_MAX);
	err = n ? ward_slot_key(slot, factor, key) : -EBADMSG;
	if (!err)
		err = ward_aead_open(get16(&h->suite), key, slot->nonce, aad, n,
				     slot->wrapped_key, WARD_KEY_SIZE, master, slot->tag);
	explicit_bzero(key, sizeof(key));
	free(aad);
	return err;
}

/**
 * struct spent - what the slots of one copy have cost so far
 * @slots: how many were tried with Argon2
 * @work: passes times KiB
 */
struct spent {
	unsigned int slots;
	uint64_t work;
};

/*
 * A slot by itself may cost what ward_argon2id() allows; all together may not cost
 * more, or a vault file with many would keep us busy for days.
 */
static bool affordable(struct spent *spent, const struct ward_vault_slot *slot)
{
	uint64_t work = (uint64_t)get32(&slot->time_cost) * get32(&slot->memory_cost);

	if (get16(&slot->kdf) != WARD_KDF_ARGON2ID)
		return true;
	if (spent->slots == WARD_ARGON2_MAX_SLOTS || work > WARD_ARGON2_MAX_WORK ||
	    spent->work > WARD_ARGON2_MAX_WORK - work)
		return false;
	spent->slots++;
	spent->work += work;
	return true;
}

/* The first slot of the secret's type that opens. */
static int open_copy(const struct ward_vault *v, const struct ward_factor *factor,
		     struct ward_master *m)
{
	const struct ward_vault_header *h = ward_vault_header(v);
	const struct ward_vault_slot *s;
	struct spent spent = { 0 };
	int err = -ENOKEY, hard = 0;

	for (s = ward_vault_next_slot(v, NULL); s; s = ward_vault_next_slot(v, s)) {
		if (get16(&s->type) != factor->type)
			continue;
		err = affordable(&spent, s) ? open_slot(v, s, factor, m->key) : -EINVAL;
		if (!err)
			break;
		if (err != -EBADMSG)
			hard = err;
	}
	if (!s)
		return hard ? hard : err == -ENOKEY ? -ENOKEY : -EKEYREJECTED;
	m->slot = get32(&s->id);
	memcpy(m->uuid, h->vault, sizeof(m->uuid));
	m->suite = get16(&h->suite);
	m->generation = get32(&h->generation);
	m->revision = get64(&h->revision);
	err = ward_vault_verify(v, m->key);
	if (err)
		explicit_bzero(m, sizeof(*m));
	return err;
}

static void load_copy(int ward_fd, const char *name, struct ward_vault *v)
{
	ssize_t n = 0, got = 0;
	struct stat st;
	int fd;

	/* Not a pipe, device or link that somebody put there. */
	fd = openat(ward_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		v->error = -errno;
		return;
	}
	v->error = -EBADMSG;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > WARD_VAULT_MAX)
		goto close_fd;
	v->bytes = malloc(WARD_VAULT_MAX + 1);
	if (!v->bytes) {
		v->error = -ENOMEM;
		goto close_fd;
	}
	while (got <= WARD_VAULT_MAX) {
		n = read(fd, v->bytes + got, WARD_VAULT_MAX + 1 - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		got += n;
	}
	v->length = got;
	v->error = n < 0 ? -errno : ward_vault_parse(v->bytes, v->length);
	if (v->error) {
		free(v->bytes);
		v->bytes = NULL;
		v->length = 0;
	}
close_fd:
	close(fd);
}

/**
 * ward_vaults_load - read both copies of the vault file
 * @ward_fd: the directory .ward/
 * @vaults: filled; free with ward_vaults_free(), also after an error
 *
 * Return: 0 when at least one copy has the structure of a vault file; else
 * -ENOENT when neither exists, or the error of the better one (-EBADMSG,
 * -EPROTONOSUPPORT, -EACCES, -ENOMEM, ...).
 */
int ward_vaults_load(int ward_fd, struct ward_vaults *vaults)
{
	struct ward_vault *a = &vaults->copy[0], *b = &vaults->copy[1];

	memset(vaults, 0, sizeof(*vaults));
	load_copy(ward_fd, WARD_VAULT_NAME, a);
	load_copy(ward_fd, WARD_VAULT_BAK_NAME, b);
	if (a->bytes || b->bytes)
		return 0;
	/* A version that we do not know explains more than a copy that is missing. */
	if (a->error == -EPROTONOSUPPORT || b->error == -EPROTONOSUPPORT)
		return -EPROTONOSUPPORT;
	return a->error == -ENOENT ? b->error : a->error;
}

/**
 * ward_vaults_open - get the master key
 * @vaults: both copies, loaded
 * @factor: what should open a slot
 * @master: filled; wiped on failure
 *
 * Takes the copy with the higher revision whose MAC holds.
 *
 * Return: 0; -EKEYREJECTED when the secret opens no slot; -ENOKEY when there
 * is no slot of its type; -EBADMSG when a slot opens but the MAC does not hold
 * in any copy; -EPROTONOSUPPORT, -EINVAL for a KDF or costs that we refuse;
 * -ENOMEM; -EIO.
 */
int ward_vaults_open(const struct ward_vaults *vaults, const struct ward_factor *factor,
		     struct ward_master *master)
{
	const struct ward_vault *v = vaults->copy;
	int i, at, first = 0, err = -EBADMSG, best = 0;

	if (v[0].bytes && v[1].bytes)
		first = get64(&ward_vault_header(&v[1])->revision) >
			get64(&ward_vault_header(&v[0])->revision);
	for (i = 0; i < 2; i++) {
		const struct ward_vault *other;

		/* The newer one first. */
		at = i ? !first : first;
		if (!v[at].bytes)
			continue;
		memset(master, 0, sizeof(*master));
		err = open_copy(&v[at], factor, master);
		if (err) {
			/* What the newer copy says, unless it was damaged and this one is not. */
			if (!best || best == -EBADMSG)
				best = err;
			continue;
		}
		other = &v[!at];
		master->copy = at;
		if (!other->bytes || ward_vault_verify(other, master->key)) {
			master->other_bad = true;
		} else if (i) {
			/* The newer copy is in order, and this secret's slot was removed there. */
			break;
		} else if (get64(&ward_vault_header(other)->revision) != master->revision) {
			master->other_stale = true;
		}
		return 0;
	}
	explicit_bzero(master, sizeof(*master));
	return best ? best : err;
}

/**
 * ward_vaults_free - forget both copies
 * @vaults: may be half filled
 */
void ward_vaults_free(struct ward_vaults *vaults)
{
	int i;

	for (i = 0; i < 2; i++) {
		free(vaults->copy[i].bytes);
		vaults->copy[i].bytes = NULL;
		vaults->copy[i].length = 0;
	}
}
