// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hours of a rule. User space knows time zones; here is only, for a few years, from
 * when on local time is ahead of UTC by how much, and the spans of a week. Bytes only:
 * also compiled in user space. Source: docs/format.md, "Policy".
 */
#include "hours.h"
#include "header.h"

#define DAY	86400U
/* The first of January 1970 was a Thursday. */
#define FIRST	(3 * DAY)

static const struct ward_hours *hours_of(const struct ward_condition *c)
{
	return (const void *)(c + 1);
}

static const struct ward_offset *offsets_of(const struct ward_condition *c)
{
	return (const void *)(hours_of(c) + 1);
}

static const struct ward_span *spans_of(const struct ward_condition *c)
{
	return (const void *)(offsets_of(c) + le32_to_cpu(hours_of(c)->changes));
}

static bool offsets_ok(const struct ward_condition *c)
{
	const struct ward_hours *h = hours_of(c);
	const struct ward_offset *o = offsets_of(c);
	u32 i, n = le32_to_cpu(h->changes);

	if (o[0].at != h->from)
		return false;
	for (i = 0; i < n; i++) {
		s64 seconds = (int)le32_to_cpu(o[i].seconds);

		if (o[i].reserved || seconds <= -(s64)DAY || seconds >= (s64)DAY ||
		    le64_to_cpu(o[i].at) >= le64_to_cpu(h->until) ||
		    (i && le64_to_cpu(o[i].at) <= le64_to_cpu(o[i - 1].at)))
			return false;
	}
	return true;
}

static bool spans_ok(const struct ward_condition *c)
{
	const struct ward_span *s = spans_of(c);
	u32 i, last = 0;

	for (i = 0; i < le16_to_cpu(c->count); i++) {
		u32 from = le32_to_cpu(s[i].from), until = le32_to_cpu(s[i].until);

		if (from < last || until <= from || until > WARD_WEEK)
			return false;
		last = until;
	}
	return true;
}

/**
 * ward_hours_ok - are these hours well formed
 * @c: the condition, of type WARD_COND_HOURS, with an entry at least
 * @len: bytes behind it
 *
 * Return: true when they are.
 */
bool ward_hours_ok(const struct ward_condition *c, u32 len)
{
	const struct ward_hours *h = hours_of(c);
	u32 changes, spans = le16_to_cpu(c->count) * sizeof(struct ward_span);
	size_t i;

	if (len < sizeof(*h) + spans)
		return false;
	len -= sizeof(*h) + spans;
	changes = le32_to_cpu(h->changes);
	if (!changes || len % sizeof(struct ward_offset) ||
	    changes != len / sizeof(struct ward_offset) || h->reserved ||
	    le64_to_cpu(h->until) >= WARD_TIME_MAX)
		return false;
	for (i = 0; i < sizeof(h->zone) && h->zone[i]; i++)
		if (h->zone[i] <= ' ' || h->zone[i] > '~')
			return false;
	return i < sizeof(h->zone) && ward_bytes_zero(h->zone + i, sizeof(h->zone) - i) &&
	       offsets_ok(c) && spans_ok(c);
}

/**
 * ward_hours_end - until when do these hours know their time
 * @c: the condition
 *
 * Return: seconds since 1970, UTC.
 */
u64 ward_hours_end(const struct ward_condition *c)
{
	return le64_to_cpu(hours_of(c)->until);
}

static bool known(const struct ward_hours *h, u64 now)
{
	return now >= le64_to_cpu(h->from) && now < le64_to_cpu(h->until);
}

/* Second of the local week. @now: a known time, so it has 32 bits. */
static u32 week_time(const struct ward_condition *c, u64 now)
{
	const struct ward_offset *o = offsets_of(c);
	u32 i, n = le32_to_cpu(hours_of(c)->changes);

	for (i = 1; i < n && le64_to_cpu(o[i].at) <= now; i++)
		;
	return ((u32)now % WARD_WEEK + WARD_WEEK + FIRST + (int)le32_to_cpu(o[i - 1].seconds)) %
	       WARD_WEEK;
}

/**
 * ward_hours_hold - is it within the hours
 * @c: the condition
 * @now: seconds since 1970, UTC
 *
 * Where local time is put back, an hour of it is there twice, and counts both times.
 *
 * Return: 1 it is, 0 it is not, -1 it is not known.
 */
int ward_hours_hold(const struct ward_condition *c, u64 now)
{
	const struct ward_span *s = spans_of(c);
	u32 i, at;

	if (!known(hours_of(c), now))
		return -1;
	at = week_time(c, now);
	for (i = 0; i < le16_to_cpu(c->count); i++)
		if (at >= le32_to_cpu(s[i].from) && at < le32_to_cpu(s[i].until))
			return 1;
	return 0;
}

static u64 sooner(u64 a, u64 b, u64 now)
{
	return b > now && b < a ? b : a;
}

/**
 * ward_hours_next - when may the answer be another one
 * @c: the condition
 * @now: seconds since 1970, UTC
 *
 * Return: a time after @now, at which it may; before it does not. WARD_NEVER.
 */
u64 ward_hours_next(const struct ward_condition *c, u64 now)
{
	const struct ward_hours *h = hours_of(c);
	const struct ward_offset *o = offsets_of(c);
	const struct ward_span *s = spans_of(c);
	u64 next = WARD_NEVER;
	u32 i, at;

	next = sooner(next, le64_to_cpu(h->from), now);
	next = sooner(next, le64_to_cpu(h->until), now);
	if (!known(h, now))
		return next;
	for (i = 0; i < le32_to_cpu(h->changes); i++)
		next = sooner(next, le64_to_cpu(o[i].at), now);
	at = week_time(c, now);
	for (i = 0; i < le16_to_cpu(c->count); i++) {
		u32 from = le32_to_cpu(s[i].from), until = le32_to_cpu(s[i].until);

		next = sooner(next, now + (from + WARD_WEEK - at) % WARD_WEEK, now);
		next = sooner(next, now + (until + WARD_WEEK - at) % WARD_WEEK, now);
	}
	return next;
}
