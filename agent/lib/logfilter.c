// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which records are wanted. A million lines are looked through in seconds: a line is first
 * looked at as bytes, and only what may be wanted is made an object of.
 */
#include <fnmatch.h>
#include <string.h>

#include "log.h"

#define PATH_ROOM	(8 * 4096)	/* an escaped path, bytes */

/* The members that a filter asks about. */
enum member {
	TIME, END, KIND, VAULT, VAULT_ID, USER, USER_ID, EFFECTIVE, EFFECTIVE_ID, LOGIN, ACTION,
	REASON, NAME, PROGRAM, PATH, PATH2, MEMBERS
};

static const char * const names[MEMBERS] = {
	[TIME]		= "@timestamp",
	[END]		= "event.end",
	[KIND]		= "ward.kind",
	[VAULT]		= "ward.vault",
	[VAULT_ID]	= "ward.vault_id",
	[USER]		= "user.name",
	[USER_ID]	= "user.id",
	[EFFECTIVE]	= "user.effective.name",
	[EFFECTIVE_ID]	= "user.effective.id",
	[LOGIN]		= "user.audit.id",
	[ACTION]	= "event.action",
	[REASON]	= "event.reason",
	[NAME]		= "process.name",
	[PROGRAM]	= "process.executable",
	[PATH]		= "file.path",
	[PATH2]		= "ward.target_path",
};

/**
 * struct span - the text of a member
 * @text: not ended by a NUL; NULL: the member is not there, or no text
 * @length: bytes
 */
struct span {
	const char *text;
	size_t length;
};

/* ---- deciding ------------------------------------------------------------------------ */

static bool is(const struct span *s, const char *wanted)
{
	return s->text && strlen(wanted) == s->length && !memcmp(s->text, wanted, s->length);
}

static int digits(const char *text, int count)
{
	int value = 0;

	while (count--) {
		if (*text < '0' || *text > '9')
			return -1;
		value = value * 10 + *text++ - '0';
	}
	return value;
}

/**
 * ward_log_seconds - a point in time as the log has it
 * @text: "2030-12-31T23:59:59", and what follows
 *
 * Return: seconds since 1970; -1 when it is none.
 */
int64_t ward_log_seconds(const char *text)
{
	/* One after the other: the text may end anywhere. */
	static const struct {
		int at;
		int count;
		char before;
		int least;
		int most;
	} parts[] = {
		{ 0, 4, 0, 1970, 9999 }, { 5, 2, '-', 1, 12 }, { 8, 2, '-', 1, 31 },
		{ 11, 2, 'T', 0, 23 }, { 14, 2, ':', 0, 59 }, { 17, 2, ':', 0, 60 },
	};
	int v[6], year, era, years;
	int64_t days;
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		if (parts[i].before && text[parts[i].at - 1] != parts[i].before)
			return -1;
		v[i] = digits(text + parts[i].at, parts[i].count);
		if (v[i] < parts[i].least || v[i] > parts[i].most)
			return -1;
	}
	/* Days since 1970 by the Gregorian calendar, with years that begin in March. */
	year = v[0] - (v[1] <= 2);
	era = year / 400;
	years = year % 400;
	days = era * 146097LL + years * 365 + years / 4 - years / 100 +
	       (153 * (v[1] + (v[1] > 2 ? -3 : 9)) + 2) / 5 + v[2] - 1 - 719468;
	return ((days * 24 + v[3]) * 60 + v[4]) * 60 + v[5];
}

static int64_t seconds(const struct span *s)
{
	return s->text && s->length >= 19 ? ward_log_seconds(s->text) : -1;
}

static bool path_fits(const struct span *s, const char *wanted)
{
	char text[PATH_ROOM];
	size_t len = strlen(wanted);

	if (!s->text)
		return false;
	if (strpbrk(wanted, "*?[")) {
		if (s->length >= sizeof(text))
			return true;	/* rather one too many */
		memcpy(text, s->text, s->length);
		text[s->length] = '\0';
		return !fnmatch(wanted, text, FNM_NOESCAPE);
	}
	while (len > 1 && wanted[len - 1] == '/')
		len--;
	return s->length >= len && !memcmp(s->text, wanted, len) &&
	       (s->length == len || len == 1 || s->text[len] == '/');
}

static bool program_fits(const struct span *m, const char *wanted)
{
	const struct span *s = &m[PROGRAM];
	size_t len = strlen(wanted);

	return is(&m[NAME], wanted) || is(s, wanted) ||
	       (s->text && s->length > len && s->text[s->length - len - 1] == '/' &&
		!memcmp(s->text + s->length - len, wanted, len));
}

/* Whose the process is, whom it works for, or who logged in: what he did is found by any of them. */
static bool user_fits(const struct span *m, const struct ward_log_filter *f)
{
	return is(&m[USER], f->user) || is(&m[USER_ID], f->user) || is(&m[EFFECTIVE], f->user) ||
	       is(&m[EFFECTIVE_ID], f->user) || is(&m[EFFECTIVE_ID], f->login) ||
	       is(&m[LOGIN], f->login);
}

static bool fits(const struct span *m, const struct ward_log_filter *f)
{
	/* How many are lost is of no vault and no user: it fits all of them. */
	bool lost = is(&m[KIND], "lost");

	if (f->kind ? !is(&m[KIND], f->kind) : is(&m[KIND], "seal"))
		return false;
	if (f->since && seconds(&m[TIME]) < f->since && seconds(&m[END]) < f->since)
		return false;
	if (f->until && seconds(&m[TIME]) >= f->until)
		return false;
	if (lost)
		return true;
	if (f->vault && !is(&m[VAULT], f->vault) && !is(&m[VAULT_ID], f->vault))
		return false;
	if (f->user && !user_fits(m, f))
		return false;
	if (f->action && !is(&m[ACTION], f->action))
		return false;
	if (f->reason && !is(&m[REASON], f->reason))
		return false;
	if (f->program && !program_fits(m, f->program))
		return false;
	return !f->path || path_fits(&m[PATH], f->path) || path_fits(&m[PATH2], f->path);
}

/**
 * ward_log_match - is a record wanted
 * @object: the record
 * @filter: what is wanted
 *
 * Return: true when everything that @filter names fits. A record that says how many
 * events are lost is of no vault and no user: it fits everything but kind and time.
 */
bool ward_log_match(json_t *object, const struct ward_log_filter *filter)
{
	struct span m[MEMBERS];
	int i;

	for (i = 0; i < MEMBERS; i++) {
		json_t *value = json_object_get(object, names[i]);

		m[i].text = json_string_value(value);
		m[i].length = json_string_length(value);
	}
	return fits(m, filter);
}

/**
 * ward_log_time - when a record's event happened
 * @object: the record
 * @key: "@timestamp" or "event.end"
 *
 * Return: seconds since 1970, UTC; -1 when the record does not say.
 */
int64_t ward_log_time(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? ward_log_seconds(text) : -1;
}

/* ---- looking at bytes ----------------------------------------------------------------- */

/* A string that begins at @p, with its quote: what is in it. Returns what follows, or NULL. */
static const char *string(const char *p, const char *end, struct span *s, bool *escaped)
{
	const char *from = ++p;

	*escaped = false;
	for (; p < end && *p != '"'; p++)
		if (*p == '\\') {
			*escaped = true;
			p++;
		}
	if (p >= end)
		return NULL;
	s->text = from;
	s->length = p - from;
	return p + 1;
}

static int which(const struct span *key)
{
	int i;

	for (i = 0; i < MEMBERS; i++)
		if (is(key, names[i]))
			return i;
	return -1;
}

/**
 * struct room - where texts go that are escaped
 * @used: bytes of it
 * @bytes: room for what one line can have
 */
struct room {
	size_t used;
	char bytes[2 * PATH_ROOM];
};

/* What an escaped text is. False: it has one that wardd does not write, or is too long. */
static bool unescape(struct span *s, struct room *room)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	char *out = room->bytes + room->used;
	size_t i, n = 0;

	if (s->length > sizeof(room->bytes) - room->used)
		return false;
	for (i = 0; i < s->length; i++) {
		const char *which;

		if (s->text[i] != '\\') {
			out[n++] = s->text[i];
			continue;
		}
		which = strchr(from, s->text[++i]);
		if (!which || !*which)
			return false;
		out[n++] = to[which - from];
	}
	s->text = out;
	s->length = n;
	room->used += n;
	return true;
}

/* Finds the members. False: this is not written as wardd writes. */
static bool scan(const char *line, size_t length, struct span *m, struct room *room)
{
	const char *p = line, *end = line + length;

	if (p == end || *p != '{')
		return false;
	do {
		struct span key, value = { 0 };
		bool escaped;
		int i;

		if (++p >= end || *p != '"')
			return false;
		p = string(p, end, &key, &escaped);
		if (!p || escaped || p + 1 >= end || *p++ != ':')
			return false;
		i = which(&key);
		if (*p == '"') {
			p = string(p, end, &value, &escaped);
			if (!p || (escaped && i >= 0 && !unescape(&value, room)))
				return false;
		} else {
			if (*p == '{' || *p == '[')
				return false;
			while (p < end && *p != ',' && *p != '}')
				p++;
		}
		if (i >= 0)
			m[i] = value;
	} while (p < end && *p == ',');
	return p < end && *p == '}';
}

/**
 * ward_log_may_match - can a line be wanted
 * @line: the line
 * @length: bytes of it
 * @filter: what is wanted
 *
 * Much faster than making an object of it.
 *
 * Return: false when it is a record, and not wanted; true: ward_log_match() tells.
 */
bool ward_log_may_match(const char *line, size_t length, const struct ward_log_filter *filter)
{
	struct span m[MEMBERS] = { 0 };
	struct room room;

	room.used = 0;
	return !scan(line, length, m, &room) || fits(m, filter);
}
