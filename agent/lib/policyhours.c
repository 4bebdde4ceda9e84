// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Hours of a rule: as text, and with what a time zone does to them. The kernel knows no time
 * zones: it is told, for two years, from when on local time is ahead of UTC by how much.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policyfile.h"

#define ZONES	"/usr/share/zoneinfo"
#define DAY	86400
#define BEFORE	DAY			/* for a clock that is a little behind */
#define AHEAD	(731L * DAY)		/* two years, and what a leap day adds */
#define LONGEST	(100 * 366L * DAY)	/* that is known at all */

static const char * const days[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };

/* ---- from text --------------------------------------------------------------------------- */

/* Return: 0 to 6, -1 when it is none. Longer words will do. */
static int day_of(const char *word, size_t len)
{
	static const char * const full[] = {
		"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
	};
	int i;

	for (i = 0; i < 7 && len >= 3; i++)
		if (len <= strlen(full[i]) && !strncasecmp(word, full[i], len))
			return i;
	return -1;
}

/* "7:00", "07:30", "24:00". Return: seconds, -1 when it is none. */
static long time_of(const char *text, size_t len)
{
	unsigned int hour = 0, minute = 0;
	size_t i;

	for (i = 0; i < len && isdigit((unsigned char)text[i]) && i < 2; i++)
		hour = hour * 10 + (text[i] - '0');
	if (!i || i + 3 != len || text[i] != ':' || !isdigit((unsigned char)text[i + 1]) ||
	    !isdigit((unsigned char)text[i + 2]))
		return -1;
	minute = (text[i + 1] - '0') * 10 + (text[i + 2] - '0');
	if (minute > 59 || hour * 60 + minute > 24 * 60)
		return -1;
	return hour * 3600L + minute * 60;
}

static int add_span(struct ward_policy_cond *cond, uint32_t from, uint32_t until)
{
	struct ward_policy_span *more = reallocarray(cond->spans, cond->span_count + 1,
						     sizeof(*more));

	if (!more)
		return -ENOMEM;
	more[cond->span_count].from = from;
	more[cond->span_count].until = until;
	cond->spans = more;
	cond->span_count++;
	return 0;
}

/* @until at or before @from: the next day. What is past Sunday is on Monday. */
static int add_day(struct ward_policy_cond *cond, int day, long from, long until)
{
	uint32_t begin = day * DAY + from, end = day * DAY + until;
	int ret;

	if (until <= from)
		end += DAY;
	if (end <= WARD_WEEK)
		return add_span(cond, begin, end);
	ret = add_span(cond, begin, WARD_WEEK);
	return ret ? ret : add_span(cond, 0, end - WARD_WEEK);
}

static int compare(const void *a, const void *b)
{
	const struct ward_policy_span *s = a, *t = b;

	return s->from < t->from ? -1 : s->from > t->from;
}

/* In order, and one where two meet. */
static void tidy(struct ward_policy_cond *cond)
{
	size_t i, n = 0;

	qsort(cond->spans, cond->span_count, sizeof(*cond->spans), compare);
	for (i = 1; i < cond->span_count; i++) {
		struct ward_policy_span *last = &cond->spans[n], *s = &cond->spans[i];

		if (s->from > last->until)
			cond->spans[++n] = *s;
		else if (s->until > last->until)
			last->until = s->until;
	}
	cond->span_count = n + 1;
}

/* "Mon-Fri" or "Mon"; the rest of the item is set to what follows. */
static bool take_days(const char **text, int *first, int *last)
{
	size_t len = strcspn(*text, " \t"), dash = strcspn(*text, "-");

	*first = day_of(*text, dash < len ? dash : len);
	*last = dash < len ? day_of(*text + dash + 1, len - dash - 1) : *first;
	if (*first < 0 || *last < 0)
		return false;
	*text += len;
	*text += strspn(*text, " \t");
	return true;
}

/**
 * ward_hours_add - add hours to a condition
 * @cond: the condition, of type WARD_COND_HOURS
 * @item: "Mon-Fri 07:00-19:00", "Sat" (all day), "22:00-06:00" (each day, till the next)
 * @err: says what is wrong
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int ward_hours_add(struct ward_policy_cond *cond, const char *item, struct ward_err *err)
{
	long from = 0, until = DAY;
	int first = 0, last = 6, day, ret;
	const char *p = item;
	bool all = isdigit((unsigned char)*p);

	if (!all && !take_days(&p, &first, &last))
		return ward_fail(err, EINVAL, WARD_FAILED,
				 "\"%s\" begins with no day: write Mon-Fri 07:00-19:00, or Sat",
				 item);
	if (*p) {
		size_t dash = strcspn(p, "-");

		from = time_of(p, dash);
		until = p[dash] ? time_of(p + dash + 1, strlen(p + dash + 1)) : -1;
	}
	if (from < 0 || until < 0 || from == DAY || from == until)
		return ward_fail(err, EINVAL, WARD_FAILED,
				 "\"%s\" has no hours: write 07:00-19:00, or 22:00-06:00 for till the next day",
				 item);
	for (day = first;; day = (day + 1) % 7) {
		ret = add_day(cond, day, from, until);
		if (ret)
			return ward_fail(err, ENOMEM, WARD_FAILED, "not enough memory");
		if (day == last)
			break;
	}
	tidy(cond);
	return 0;
}

/* ---- to text ------------------------------------------------------------------------------- */

/* The part of a span that lies on a day. Return: whether there is one. */
static bool part(const struct ward_policy_span *s, int day, uint32_t *from, uint32_t *until)
{
	uint32_t begin = day * DAY, end = begin + DAY;

	*from = s->from > begin ? s->from - begin : 0;
	*until = s->until < end ? (s->until > begin ? s->until - begin : 0) : DAY;
	return *from < *until;
}

static bool on_day(const struct ward_policy_cond *cond, int day, uint32_t from, uint32_t until)
{
	uint32_t f, u;
	size_t i;

	for (i = 0; i < cond->span_count; i++)
		if (part(&cond->spans[i], day, &f, &u) && f == from && u == until)
			return true;
	return false;
}

static void print_part(int day, int last, uint32_t from, uint32_t until, FILE *f)
{
	fprintf(f, "%s", days[day]);
	if (last > day)
		fprintf(f, "-%s", days[last]);
	if (from || until != DAY)
		fprintf(f, " %02u:%02u-%02u:%02u", from / 3600, from / 60 % 60, until / 3600,
			until / 60 % 60);
}

/**
 * ward_hours_print - write hours so that ward_hours_add() reads them
 * @cond: the condition
 * @sep: what to write between two of them
 * @f: where to
 */
void ward_hours_print(const struct ward_policy_cond *cond, const char *sep, FILE *f)
{
	const char *before = "";
	uint32_t from, until;
	int day, last;
	size_t i;

	for (day = 0; day < 7; day++)
		for (i = 0; i < cond->span_count; i++) {
			if (!part(&cond->spans[i], day, &from, &until) ||
			    (day && on_day(cond, day - 1, from, until)))
				continue;
			for (last = day; last < 6 && on_day(cond, last + 1, from, until); last++)
				;
			fputs(before, f);
			print_part(day, last, from, until, f);
			before = sep;
		}
}

/* ---- time zones ---------------------------------------------------------------------- */

/**
 * ward_zone_ok - is there such a time zone
 * @zone: its name, such as Europe/Berlin
 *
 * Return: true when there is, and its name fits.
 */
bool ward_zone_ok(const char *zone)
{
	char path[sizeof(ZONES) + WARD_ZONE_MAX + 1];
	struct stat st;
	const char *p;

	if (!*zone || *zone == '/' || strlen(zone) > WARD_ZONE_MAX || strstr(zone, ".."))
		return false;
	for (p = zone; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("/_+-", *p))
			return false;
	snprintf(path, sizeof(path), ZONES "/%s", zone);
	return !stat(path, &st) && S_ISREG(st.st_mode);
}

/**
 * ward_zone_here - the time zone of this machine
 * @zone: filled in; UTC when it cannot be told
 */
void ward_zone_here(char zone[WARD_ZONE_MAX + 1])
{
	char target[4096], *name;
	ssize_t n = readlink("/etc/localtime", target, sizeof(target) - 1);

	strcpy(zone, "UTC");
	if (n <= 0)
		return;
	target[n] = '\0';
	name = strstr(target, "/zoneinfo/");
	if (name && ward_zone_ok(name + strlen("/zoneinfo/")))
		strcpy(zone, name + strlen("/zoneinfo/"));
}

static long offset_at(time_t t)
{
	struct tm tm;

	return localtime_r(&t, &tm) ? tm.tm_gmtoff : 0;
}

/* When between two times the offset changes to that of the later one. */
static time_t change_between(time_t low, time_t high)
{
	long after = offset_at(high);

	while (high - low > 1) {
		time_t middle = low + (high - low) / 2;

		if (offset_at(middle) == after)
			high = middle;
		else
			low = middle;
	}
	return high;
}

static int add_change(struct ward_policy_cond *cond, time_t at)
{
	struct ward_offset *more = reallocarray(cond->offsets, cond->offset_count + 1,
						sizeof(*more));

	if (!more)
		return -ENOMEM;
	cond->offsets = more;
	more += cond->offset_count++;
	more->at = htole64(at);
	more->seconds = htole32(offset_at(at));
	more->reserved = 0;
	return 0;
}

/* No zone has two changes within a day of one another that cancel each other out. */
static int find_changes(struct ward_policy_cond *cond)
{
	time_t t = cond->hours_from;
	int ret = add_change(cond, t);

	while (!ret && t < cond->hours_until) {
		time_t next = t + DAY < cond->hours_until ? t + DAY : cond->hours_until;

		if (offset_at(next) != offset_at(t)) {
			time_t at = change_between(t, next);

			if (at < cond->hours_until)
				ret = add_change(cond, at);
		}
		t = next;
	}
	return ret;
}

/**
 * struct zone_before - what TZ was
 * @tz: for free(); NULL: it was not set
 */
struct zone_before {
	char *tz;
};

static int zone_begin(struct zone_before *before)
{
	const char *tz = getenv("TZ");

	before->tz = tz ? strdup(tz) : NULL;
	return tz && !before->tz ? -ENOMEM : 0;
}

static void zone_set(const char *name)
{
	char zone[WARD_ZONE_MAX + 2];

	snprintf(zone, sizeof(zone), ":%s", name);
	setenv("TZ", zone, 1);
	tzset();
}

static void zone_end(struct zone_before *before)
{
	if (before->tz)
		setenv("TZ", before->tz, 1);
	else
		unsetenv("TZ");
	tzset();
	free(before->tz);
}

/* How local time runs from @from to @until. @c: gets these, and the offsets */
static int find_offsets(struct ward_policy_cond *c, time_t from, time_t until)
{
	zone_set(c->zone);
	c->hours_from = from;
	c->hours_until = until;
	c->offset_count = 0;
	return find_changes(c);
}

typedef int (*hours_fn)(struct ward_policy_rule *rule, struct ward_policy_cond *c, void *arg);

static int each_hours(struct ward_policy *policy, hours_fn fn, void *arg)
{
	struct zone_before before;
	size_t i, k;
	int ret = zone_begin(&before);

	if (ret)
		return ret;
	for (i = 0; !ret && i < policy->count; i++)
		for (k = 0; !ret && k < policy->rules[i].count; k++)
			if (policy->rules[i].conds[k].type == WARD_COND_HOURS)
				ret = fn(&policy->rules[i], &policy->rules[i].conds[k], arg);
	zone_end(&before);
	return ret;
}

static int set_one(struct ward_policy_rule *rule, struct ward_policy_cond *c, void *arg)
{
	time_t now = *(time_t *)arg;

	(void)rule;
	return find_offsets(c, now > BEFORE ? now - BEFORE : 0, now + AHEAD);
}

/**
 * ward_policy_set_hours - find out when local time of all hours of a policy is what
 * @policy: the policy
 * @now: from then on, for two years
 *
 * Changes the environment's TZ for a moment: not for programs with threads that ask for the
 * time.
 *
 * Return: 0 or -ENOMEM.
 */
int ward_policy_set_hours(struct ward_policy *policy, time_t now)
{
	return each_hours(policy, set_one, &now);
}

/* ---- hours that are known already ------------------------------------------------------ */

/**
 * struct extending - hours that are being extended
 * @now: up to two years after that
 * @err: a note for each that is left as it is
 * @count: how many are known for longer
 */
struct extending {
	time_t now;
	struct ward_err *err;
	int count;
};

/* A time zone that is not there would silently be UTC. */
static bool zone_there(const struct ward_policy_cond *c)
{
	return !strcmp(c->zone, "UTC") || ward_zone_ok(c->zone);
}

/* The kernel renews no others: see ward_policy_renewal(). */
static bool offsets_known(const struct ward_policy_cond *old, const struct ward_policy_cond *new)
{
	size_t i, k;

	for (i = 0; i < new->offset_count; i++) {
		for (k = 0; k < old->offset_count; k++)
			if (old->offsets[k].seconds == new->offsets[i].seconds)
				break;
		if (k == old->offset_count)
			return false;
	}
	return true;
}

static int extend_one(struct ward_policy_rule *rule, struct ward_policy_cond *c, void *arg)
{
	struct extending *e = arg;
	time_t from = e->now > BEFORE ? e->now - BEFORE : 0, until = e->now + AHEAD;
	struct ward_policy_cond longer = { 0 };
	int ret;

	if (!zone_there(c)) {
		ward_note(e->err, "rule \"%s\": there is no time zone %s (any more): its hours end when they would; install tzdata, or load the rules anew with another timezone",
			  rule->name, c->zone);
		return 0;
	}
	if (c->hours_from < from)
		from = c->hours_from;
	if (c->hours_until > until)
		until = c->hours_until;
	if (until - from > LONGEST || until >= WARD_TIME_MAX) {
		ward_note(e->err, "rule \"%s\": its hours are not known for longer, as the clock is too far from when the rules were loaded: set it right, or load them anew",
			  rule->name);
		return 0;
	}
	if (from == c->hours_from && until == c->hours_until)
		return 0;
	strcpy(longer.zone, c->zone);
	ret = find_offsets(&longer, from, until);
	if (ret)
		goto free;
	if (!offsets_known(c, &longer)) {
		ward_note(e->err, "rule \"%s\": local time of %s is another one than it ever was when the rules were loaded, so its hours are not known for longer: load the rules anew if that is right",
			  rule->name, c->zone);
		goto free;
	}
	free(c->offsets);
	c->offsets = longer.offsets;
	c->offset_count = longer.offset_count;
	c->hours_from = from;
	c->hours_until = until;
	e->count++;
	return 0;
free:
	free(longer.offsets);
	return ret;
}

/**
 * ward_policy_extend_hours - the same, and of earlier times what is known stays known
 * @policy: a policy that was decoded
 * @now: up to two years after that, at least
 * @err: a note for each rule whose hours cannot be, and stay as they are
 *
 * So a clock that was ahead for a while, or behind, as after a battery failed, shuts nobody out
 * when it is right again. As ward_policy_set_hours().
 *
 * Return: how many hours are known anew, or -ENOMEM.
 */
int ward_policy_extend_hours(struct ward_policy *policy, time_t now, struct ward_err *err)
{
	struct extending e = { .now = now, .err = err };
	int ret = each_hours(policy, extend_one, &e);

	return ret ? ret : e.count;
}

static int check_one(struct ward_policy_rule *rule, struct ward_policy_cond *c, void *arg)
{
	struct ward_policy_cond now = { 0 };
	struct ward_err *err = arg;
	int ret = 0;

	strcpy(now.zone, c->zone);
	if (!zone_there(c))
		ward_note(err, "rule \"%s\": there is no time zone %s (any more), so nobody can tell whether its hours are right",
			  rule->name, c->zone);
	else
		ret = find_offsets(&now, c->hours_from, c->hours_until);
	if (!ret && now.offset_count && (now.offset_count != c->offset_count ||
	    memcmp(now.offsets, c->offsets, now.offset_count * sizeof(*now.offsets))))
		ward_note(err, "rule \"%s\": local time of %s runs otherwise in the policy than this machine has it: load the rules anew",
			  rule->name, c->zone);
	free(now.offsets);
	return ret;
}

/**
 * ward_policy_check_hours - does local time run in a policy as this machine has it
 * @policy: a policy that was decoded
 * @err: a note for each rule in which it does not
 *
 * As ward_policy_set_hours().
 *
 * Return: 0 or -ENOMEM.
 */
int ward_policy_check_hours(struct ward_policy *policy, struct ward_err *err)
{
	return each_hours(policy, check_one, err);
}
