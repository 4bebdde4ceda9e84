// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Seals: lines of the log with a MAC, under a key that is replaced by its own one-way
 * function after each. docs/events.md has the construction for who writes it anew.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypt.h"
#include "seal.h"

/* What a key of the chain is used for, and nothing else: the inputs differ. */
#define LABEL_ID	"ward-log-id"
#define LABEL_MAC	"ward-log-seal"
#define LABEL_NEXT	"ward-log-next"

#define PREV_HEAD	",\"ward.prev\":\""
#define MAC_HEAD	",\"ward.seal.mac\":\""
#define HEX		64
#define PREV_TAIL	(sizeof(PREV_HEAD) - 1 + HEX + 2)	/* with quote and bracket */
#define MAC_TAIL	(sizeof(MAC_HEAD) - 1 + HEX + 2)

static int use(const uint8_t *key, const char *label, uint8_t out[32])
{
	return ward_hmac_sha256(key, label, strlen(label), out);
}

/* ---- keys ---------------------------------------------------------------------- */

/**
 * ward_seal_id - what a chain of keys is called
 * @first: its first key
 * @id: 16 bytes out; tells nothing of the key
 *
 * Return: 0 or a negative errno.
 */
int ward_seal_id(const uint8_t first[WARD_SEAL_KEY_SIZE], uint8_t id[WARD_SEAL_ID_SIZE])
{
	uint8_t digest[32];
	int ret = use(first, LABEL_ID, digest);

	if (!ret)
		memcpy(id, digest, WARD_SEAL_ID_SIZE);
	return ret;
}

static void put_hex(const uint8_t *bytes, size_t count, char *text)
{
	size_t i;

	for (i = 0; i < count; i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
}

/**
 * ward_seal_id_text - the same as hexadecimal digits
 * @id: of a chain
 * @text: 32 digits and a NUL out
 */
void ward_seal_id_text(const uint8_t id[WARD_SEAL_ID_SIZE], char text[WARD_SEAL_ID_TEXT])
{
	put_hex(id, WARD_SEAL_ID_SIZE, text);
}

/**
 * ward_seal_evolve - a later key of the chain
 * @key: replaced by the one @steps further on; the way back is not known
 * @steps: how far
 *
 * Return: 0 or a negative errno.
 */
int ward_seal_evolve(uint8_t key[WARD_SEAL_KEY_SIZE], uint64_t steps)
{
	uint8_t next[32];
	int ret = 0;

	while (!ret && steps--) {
		ret = use(key, LABEL_NEXT, next);
		if (!ret)
			memcpy(key, next, WARD_SEAL_KEY_SIZE);
	}
	explicit_bzero(next, sizeof(next));
	return ret;
}

/**
 * ward_seal_mac - the MAC of a seal
 * @key: that of the seal's number
 * @line: the line
 * @covered: bytes of it that are before the MAC
 * @mac: 32 bytes out
 *
 * Return: 0 or a negative errno.
 */
int ward_seal_mac(const uint8_t key[WARD_SEAL_KEY_SIZE], const char *line, size_t covered,
		  uint8_t mac[32])
{
	uint8_t once[32];
	int ret = use(key, LABEL_MAC, once);

	if (!ret)
		ret = ward_hmac_sha256(once, line, covered, mac);
	explicit_bzero(once, sizeof(once));
	return ret;
}

/* ---- lines --------------------------------------------------------------------- */

static bool lower_hex(const char *text)
{
	return strspn(text, "0123456789abcdef") >= HEX;
}

/* Does @line, of which @length bytes are left, end with @head, 64 digits, quote and bracket? */
static bool ends_with(const char *line, size_t length, const char *head, bool bracket)
{
	size_t head_len = strlen(head), want = head_len + HEX + 1 + bracket;
	const char *at = line + length - want;

	return length > want && !memcmp(at, head, head_len) && lower_hex(at + head_len) &&
	       at[head_len + HEX] == '"' && (!bracket || at[head_len + HEX + 1] == '}');
}

/**
 * ward_line_kind - what a line of the log is, by its end
 * @line: the line, with any byte behind it that is not part of a number, as NUL or newline
 * @length: bytes of it, without its newline
 * @prev: set to its "ward.prev"; untouched for a bad one
 *
 * Nothing that comes from outside stands at a line's end, and quotes in texts are
 * escaped: so a line cannot pretend to be another kind.
 *
 * Return: WARD_LINE_*.
 */
enum ward_line ward_line_kind(const char *line, size_t length, char prev[WARD_LOG_PREV])
{
	bool seal = ends_with(line, length, MAC_HEAD, true);

	if (length < 2 || line[0] != '{')
		return WARD_LINE_BAD;
	if (seal)
		length -= MAC_TAIL;
	if (!ends_with(line, length, PREV_HEAD, !seal))
		return WARD_LINE_BAD;
	memcpy(prev, line + length - HEX - (seal ? 1 : 2), HEX);
	prev[HEX] = '\0';
	return seal ? WARD_LINE_SEAL : WARD_LINE_RECORD;
}

/**
 * ward_seal_line - a seal as it stands in the log
 * @seal: what it says; @mac and @covered are not looked at
 * @prev: hash of the line before; NULL for the first line of all
 * @key: of the seal's number
 * @object: set to the record, a new reference, when a line is returned; may be NULL
 *
 * Return: a line with its newline, for free(); NULL without memory, or when OpenSSL fails.
 */
char *ward_seal_line(const struct ward_seal *seal, const char *prev,
		     const uint8_t key[WARD_SEAL_KEY_SIZE], json_t **object)
{
	char id[WARD_SEAL_ID_TEXT], next[WARD_SEAL_ID_TEXT], load[2 * WARD_LOAD_ID_SIZE + 1];
	char mac_text[HEX + 1], *line, *sealed = NULL;
	json_t *o = ward_log_own("seal", "seal", seal->time);
	uint8_t mac[32];
	size_t covered;
	int bad = 0;

	if (!o)
		return NULL;
	ward_seal_id_text(seal->id, id);
	if (seal->has_event) {
		put_hex(seal->load_id, sizeof(seal->load_id), load);
		bad |= json_object_set_new(o, "ward.load_id", json_string(load));
		bad |= json_object_set_new(o, "ward.seal.sequence", json_integer(seal->sequence));
		if (seal->total)
			bad |= json_object_set_new(o, "ward.total", json_integer(seal->total));
	}
	bad |= json_object_set_new(o, "ward.seal.key", json_string(id));
	bad |= json_object_set_new(o, "ward.seal.number", json_integer(seal->number));
	bad |= json_object_set_new(o, "ward.seal.cause", json_string(seal->cause));
	bad |= json_object_set_new(o, "ward.seal.records", json_integer(seal->records));
	bad |= json_object_set_new(o, "ward.seal.line", json_integer(seal->line));
	if (seal->first)
		bad |= json_object_set_new(o, "ward.seal.first", json_integer(seal->first));
	if (seal->due)
		bad |= json_object_set_new(o, "ward.seal.due", json_integer(seal->due));
	if (!strcmp(seal->cause, WARD_SEAL_NEW_KEY)) {
		ward_seal_id_text(seal->next, next);
		bad |= json_object_set_new(o, "ward.seal.next", json_string(next));
	}
	line = bad ? NULL : ward_log_line(o, prev);
	if (!line)
		goto free;
	covered = strlen(line) - 2;	/* without bracket and newline */
	if (ward_seal_mac(key, line, covered, mac))
		goto free;
	put_hex(mac, sizeof(mac), mac_text);
	if (json_object_set_new(o, "ward.seal.mac", json_string(mac_text)))
		goto free;
	if (asprintf(&sealed, "%.*s%s%s\"}\n", (int)covered, line, MAC_HEAD, mac_text) < 0)
		sealed = NULL;
free:
	free(line);
	if (object && sealed)
		*object = o;
	else
		json_decref(o);
	return sealed;
}

static bool get_hex(json_t *o, const char *key, uint8_t *bytes, size_t count)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text && !ward_log_unhex(text, bytes, count);
}

static bool get_number(json_t *o, const char *key, uint64_t *number)
{
	json_t *value = json_object_get(o, key);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return false;
	*number = json_integer_value(value);
	return true;
}

/**
 * ward_seal_parse - read a seal
 * @line: a line for which ward_line_kind() said so
 * @length: bytes of it, without its newline
 * @seal: filled in; nothing of it is proven
 *
 * Return: 0; -EBADMSG when it is not one that ward_seal_line() makes.
 */
int ward_seal_parse(const char *line, size_t length, struct ward_seal *seal)
{
	json_t *o = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
	const char *cause = json_string_value(json_object_get(o, "ward.seal.cause"));
	const char *kind = json_string_value(json_object_get(o, "ward.kind"));
	int64_t seconds = ward_log_time(o, "@timestamp");
	int ret = -EBADMSG;

	memset(seal, 0, sizeof(*seal));
	if (!kind || strcmp(kind, "seal") || !cause || strlen(cause) >= sizeof(seal->cause) ||
	    seconds < 0 || !get_hex(o, "ward.seal.key", seal->id, sizeof(seal->id)) ||
	    !get_number(o, "ward.seal.number", &seal->number) || seal->number > WARD_SEAL_MOST ||
	    !get_number(o, "ward.seal.records", &seal->records) ||
	    !get_number(o, "ward.seal.line", &seal->line) || seal->line <= seal->records ||
	    !get_hex(o, "ward.seal.mac", seal->mac, sizeof(seal->mac)))
		goto free;
	if (json_object_get(o, "ward.seal.first") &&
	    (!get_number(o, "ward.seal.first", &seal->first) || !seal->first ||
	     seal->first > seal->line))
		goto free;
	if (json_object_get(o, "ward.seal.due") && !get_number(o, "ward.seal.due", &seal->due))
		goto free;
	strcpy(seal->cause, cause);
	if (!strcmp(cause, WARD_SEAL_NEW_KEY) &&
	    !get_hex(o, "ward.seal.next", seal->next, sizeof(seal->next)))
		goto free;
	seal->has_event = get_hex(o, "ward.load_id", seal->load_id, sizeof(seal->load_id)) &&
			  get_number(o, "ward.seal.sequence", &seal->sequence);
	seal->time = seconds * 1000000000ULL;
	seal->covered = length - MAC_TAIL;
	ret = 0;
free:
	json_decref(o);
	return ret;
}
