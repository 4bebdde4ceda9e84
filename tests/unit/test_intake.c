// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wardd's intake: whatever comes, in whatever order, each event is in the log once, or is in it
 * as lost; the log's numbers have no gap, and its sums are right. The writer, counts and names are
 * the real ones; a kernel is played that folds, forgets, and whose messages get lost on the way.
 * Then messages that no kernel sends.
 */
#include "harness.h"
#include "wardd/intake.c"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "mutate.h"

#define RING		32	/* events that the kernel keeps */
#define EVENTS_MOST	4000

FIXTURE(log) {
	char dir[64];
	char from[PATH_MAX];
	struct ward_settings settings;
	struct wardd_writer writer;
	struct wardd_intake in;
	struct mutate m;
};

FIXTURE_SETUP(log)
{
	struct ward_err err;
	FILE *f;

	ward_err_clear(&err);
	strcpy(self->dir, "/tmp/ward-intake-XXXXXX");
	ASSERT_NE(NULL, getcwd(self->from, sizeof(self->from)));
	ASSERT_NE(NULL, mkdtemp(self->dir));
	ASSERT_EQ(0, chdir(self->dir));
	f = fopen("conf", "w");
	ASSERT_NE(NULL, f);
	/* As a name from the root on, which the settings ask for. */
	fprintf(f, "[log]\nfile = %s/log\nsync = never\nrotate-size = 0\n", self->dir);
	ASSERT_EQ(0, fclose(f));
	ASSERT_EQ(0, ward_settings_load("conf", &self->settings, &err)) {
		TH_LOG("%s", err.text);
	}
	self->settings.journal = false;
	wardd_writer_init(&self->writer, &self->settings);
	ASSERT_EQ(0, wardd_writer_open(&self->writer));
	self->in.settings = &self->settings;
	self->in.writer = &self->writer;
	self->in.names = wardd_names_new();
	self->in.counts = wardd_counts_new();
	ASSERT_TRUE(self->in.names && self->in.counts);
	self->m.state = 20261126;
}

static void empty(const char *dir)
{
	char path[PATH_MAX];
	struct dirent *e;
	DIR *d = opendir(dir);

	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		unlink(path);
	}
	if (d)
		closedir(d);
	rmdir(dir);
}

FIXTURE_TEARDOWN(log)
{
	forget_own(&self->in);
	wardd_writer_close(&self->writer);
	wardd_counts_free(self->in.counts);
	wardd_names_free(self->in.names);
	empty("state");
	empty(self->dir);
	EXPECT_EQ(0, chdir(self->from));
}

/* ---- a kernel -------------------------------------------------------------------- */

/**
 * struct kernel - what the module's ring does (module/ring.c)
 * @load_id: of this load
 * @next: number of the next event
 * @oldest: of the oldest one that is kept
 * @sent: of the one to be sent next to who listens
 * @total: what happened, folded ones, too
 * @count: of each event there ever was: how many it stands for
 * @until: up to and with it: @total
 * @own: it was of wardd's making
 */
struct kernel {
	uint8_t load_id[WARD_LOAD_ID_SIZE];
	uint64_t next;
	uint64_t oldest;
	uint64_t sent;
	uint64_t total;
	uint64_t count[EVENTS_MOST];
	uint64_t until[EVENTS_MOST];
	bool own[EVENTS_MOST];
};

static void kernel_load(struct kernel *k, uint8_t nth)
{
	memset(k, 0, sizeof(*k));
	memset(k->load_id, nth, sizeof(k->load_id));
	k->next = 1;
	k->oldest = 1;
	k->sent = 1;
}

static void happens(struct kernel *k, uint64_t count, bool own)
{
	if (k->next == EVENTS_MOST)
		return;
	k->total += count;
	k->count[k->next] = count;
	k->until[k->next] = k->total;
	k->own[k->next] = own;
	k->next++;
	if (k->next - k->oldest > RING)
		k->oldest++;
}

/* The message for the event @n, or for those up to the oldest. Returns the number that follows. */
static uint64_t message(const struct kernel *k, uint64_t n, struct ward_event *e)
{
	memset(e, 0, sizeof(*e));
	memcpy(e->load_id, k->load_id, sizeof(e->load_id));
	e->time = 1700000000000000000ULL + n;
	e->last_time = e->time;
	e->count = 1;
	if (n < k->oldest) {
		e->kind = WARD_KIND_LOST;
		e->sequence = k->oldest - 1;
		e->lost = k->oldest - n;
		e->total = k->until[k->oldest - 1];
		return k->oldest;
	}
	e->kind = WARD_KIND_VIOLATION;
	e->action = 1;
	e->reason = WARD_REASON_POLICY;
	e->sequence = n;
	e->count = k->count[n];
	e->total = k->until[n];
	e->has = WARD_EVENT_HAS_PID | WARD_EVENT_HAS_UID;
	e->uid = 60000;
	e->pid = k->own[n] ? getpid() : 1;
	return n + 1;
}

/* What events_came() does about a gap: asks for all from the last one on; more happens meanwhile. */
static int dump(struct wardd_intake *in, struct kernel *k, struct mutate *m)
{
	uint64_t n = taken(in) + 1, until = k->next;
	struct ward_event e;
	int ret = 0;

	in->dumping = true;
	while (!ret && n < until) {
		n = message(k, n, &e);
		/* At times one is not understood, and left out. */
		if (n == until || mutate_draw(m, 32))
			ret = take(&e, in);
		if (!mutate_draw(m, 4))
			happens(k, 1 + mutate_draw(m, 3), false);
	}
	in->dumping = false;
	return ret;
}

/* ---- what is in the log ------------------------------------------------------------ */

static uint64_t of(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

/**
 * struct account - the log, added up
 * @last: number of the last event
 * @records: of events
 * @happened: what they stand for, and what is lost
 * @lost: of that
 */
struct account {
	uint64_t last;
	uint64_t records;
	uint64_t happened;
	uint64_t lost;
};

static bool is_kind(const json_t *o, const char *kind)
{
	const char *is = json_string_value(json_object_get(o, "ward.kind"));

	return is && !strcmp(is, kind);
}

/* Each line follows from the one before, each number from the last one. @k: and stands for what happened; or NULL. */
static void read_log(struct __test_metadata *_metadata, const struct kernel *k, const char *load,
		     struct account *a)
{
	char prev[WARD_LOG_PREV] = "", *line = NULL;
	FILE *f = fopen("log", "r");
	size_t room = 0;
	ssize_t n;

	memset(a, 0, sizeof(*a));
	ASSERT_NE(NULL, f);
	while ((n = getline(&line, &room, f)) > 0) {
		json_t *o = json_loadb(line, n, 0, NULL);
		uint64_t before = a->last, span;

		ASSERT_NE(NULL, o) {
			TH_LOG("no JSON: %s", line);
		}
		if (prev[0])
			ASSERT_STREQ(prev, json_string_value(json_object_get(o, "ward.prev")));
		ward_log_hash(line, n - 1, prev);
		if (is_kind(o, "seal") ||
		    strcmp(load, json_string_value(json_object_get(o, "ward.load_id")))) {
			json_decref(o);
			continue;
		}
		span = is_kind(o, "lost") ? of(o, "ward.count") :
		       json_object_get(o, "ward.span") ? of(o, "ward.span") : 1;
		ASSERT_EQ(before + span, of(o, "event.sequence")) {
			TH_LOG("after %llu: %s", (unsigned long long)before, line);
		}
		a->last = before + span;
		a->records++;
		if (is_kind(o, "lost"))
			a->lost += of(o, "ward.lost");
		a->happened += of(o, is_kind(o, "lost") ? "ward.lost" : "ward.count");
		if (k) {
			ASSERT_EQ(k->until[a->last], a->happened) {
				TH_LOG("%s", line);
			}
			ASSERT_EQ(k->until[a->last], of(o, "ward.total"));
		}
		json_decref(o);
	}
	free(line);
	fclose(f);
}

static void name_of(const uint8_t *load_id, char text[2 * WARD_LOAD_ID_SIZE + 1])
{
	int i;

	for (i = 0; i < WARD_LOAD_ID_SIZE; i++)
		sprintf(text + 2 * i, "%02x", load_id[i]);
}

/* ---- what a kernel sends ------------------------------------------------------------- */

/* What connect_events() does when the module is another one. */
static void connected(struct wardd_intake *in, const struct kernel *k)
{
	memcpy(in->writer->load_id, k->load_id, sizeof(k->load_id));
	in->writer->sequence = 0;
	in->writer->total = 0;
}

TEST_F_TIMEOUT(log, nothing_is_missing_whatever_gets_lost_on_the_way, 1200)
{
	struct kernel *k = malloc(sizeof(*k));
	char load[2 * WARD_LOAD_ID_SIZE + 1];
	unsigned int gaps = 0, lost = 0;
	struct mutate *m = &self->m;
	struct ward_event e, again;
	struct account a;
	uint8_t nth;
	int ret;

	ASSERT_NE(NULL, k);
	for (nth = 1; nth <= 20; nth++) {
		kernel_load(k, nth);
		connected(&self->in, k);
		memset(&again, 0, sizeof(again));
		while (k->next < 400) {
			/* At times more than the ring holds, before any of it is sent. */
			uint32_t many = mutate_draw(m, 12) ? mutate_draw(m, 4) : mutate_draw(m, 3 * RING);

			while (many--)
				happens(k, mutate_draw(m, 3) ? 1 : 1 + mutate_draw(m, 1000),
					!mutate_draw(m, 8));
			while (k->sent < k->next && mutate_draw(m, 16)) {
				k->sent = message(k, k->sent, &e);
				/* Not delivered; or an earlier one once more. */
				if (!mutate_draw(m, 12))
					continue;
				ret = take(&e, &self->in);
				if (ret == TAKE_GAP) {
					gaps++;
					ret = dump(&self->in, k, m);
				}
				ASSERT_EQ(0, ret);
				if (again.kind && !mutate_draw(m, 8))
					ASSERT_EQ(0, take(&again, &self->in));
				if (!mutate_draw(m, 8))
					again = e;
			}
		}
		/* In the end, all is asked for. */
		while (taken(&self->in) + 1 < k->next)
			ASSERT_EQ(0, dump(&self->in, k, m));
		ASSERT_EQ(0, record_own(&self->in));
		name_of(k->load_id, load);
		read_log(_metadata, k, load, &a);
		EXPECT_EQ(k->next - 1, a.last);
		EXPECT_EQ(k->total, a.happened);
		lost += a.lost;
	}
	EXPECT_LT(100, gaps);
	EXPECT_LT(100, lost);
	free(k);
}

/* An event of another load is nobody's gap, and changes nothing. */
TEST_F(log, another_load_is_told)
{
	struct kernel *k = malloc(sizeof(*k));
	struct ward_event e;

	ASSERT_NE(NULL, k);
	kernel_load(k, 1);
	connected(&self->in, k);
	happens(k, 1, false);
	message(k, 1, &e);
	ASSERT_EQ(0, take(&e, &self->in));
	e.load_id[3]++;
	e.sequence = 2;
	EXPECT_EQ(TAKE_RELOADED, take(&e, &self->in));
	self->in.dumping = true;
	EXPECT_EQ(TAKE_RELOADED, take(&e, &self->in));
	EXPECT_EQ(1, taken(&self->in));
	free(k);
}

/* How long files may be: what is longer is cut, as on a disk that is full. */
static void most(rlim_t bytes)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit))
		abort();
	limit.rlim_cur = bytes;
	if (setrlimit(RLIMIT_FSIZE, &limit))
		abort();
}

/* A log that cannot be written: the event was not taken, nothing of it is there, and it comes again. */
TEST_F(log, what_cannot_be_written_is_not_taken)
{
	struct kernel *k = malloc(sizeof(*k));
	char load[2 * WARD_LOAD_ID_SIZE + 1];
	unsigned int failed = 0;
	struct account a;
	struct ward_event e;
	struct stat st;
	uint64_t n, before;

	ASSERT_NE(NULL, k);
	signal(SIGXFSZ, SIG_IGN);
	kernel_load(k, 1);
	connected(&self->in, k);
	for (n = 1; n <= 400; n++)
		happens(k, n % 3 ? 1 : 5, n % 7 == 2 || n % 7 == 3);
	/* All of them are kept here, as if each were asked for at once. */
	k->oldest = 1;
	for (n = 1; n <= 400; n++) {
		message(k, n, &e);
		before = taken(&self->in);
		ASSERT_EQ(0, fstat(self->writer.fd, &st));
		most(st.st_size + mutate_draw(&self->m, 700));
		if (take(&e, &self->in)) {
			EXPECT_EQ(before, taken(&self->in));
			failed++;
		} else {
			EXPECT_EQ(n, taken(&self->in));
		}
		most(RLIM_INFINITY);
		ASSERT_EQ(0, take(&e, &self->in));
		EXPECT_EQ(n, taken(&self->in));
	}
	ASSERT_EQ(0, record_own(&self->in));
	name_of(k->load_id, load);
	read_log(_metadata, k, load, &a);
	EXPECT_EQ(400, a.last);
	EXPECT_EQ(k->total, a.happened);
	EXPECT_EQ(0, a.lost);
	EXPECT_LT(50, failed);
	free(k);
}

/* ---- what no kernel sends --------------------------------------------------------------- */

static uint64_t odd(struct mutate *m, uint64_t near)
{
	static const uint64_t odds[] = {
		0, 1, 2, 3, 0xffffffff, 0x100000000, INT64_MAX - 1, INT64_MAX, 1ULL << 63, UINT64_MAX - 1, UINT64_MAX,
	};

	switch (mutate_draw(m, 6)) {
	case 0:
		return odds[mutate_draw(m, sizeof(odds) / sizeof(*odds))];
	case 1:
		return (uint64_t)mutate_draw(m, 0) << 32 | mutate_draw(m, 0);
	case 2:
		return near - 1 - mutate_draw(m, 40);
	default:
		return near + mutate_draw(m, 40) - 2;
	}
}

TEST_F_TIMEOUT(log, messages_that_no_kernel_sends, 1200)
{
	static const uint8_t any[] = "/a\n\"\\\xff\x01\x1b[2J/\xe2\x82";
	char load[2 * WARD_LOAD_ID_SIZE + 1];
	uint64_t begun[256] = { 0 };
	struct mutate *m = &self->m;
	struct account a;
	unsigned int i, accepted = 0;
	uint8_t nth = 1;

	memset(self->writer.load_id, nth, WARD_LOAD_ID_SIZE);
	self->writer.sequence = 0;
	for (i = 0; i < 20000; i++) {
		uint64_t before = taken(&self->in);
		struct ward_event e = { 0 };
		int ret;

		memset(e.load_id, nth, sizeof(e.load_id));
		if (!mutate_draw(m, 64))
			e.load_id[mutate_draw(m, WARD_LOAD_ID_SIZE)] ^= 0x80;
		e.kind = mutate_draw(m, 4) ? mutate_draw(m, 10) : mutate_draw(m, 0);
		e.action = mutate_draw(m, 4) ? mutate_draw(m, 40) : mutate_draw(m, 0);
		e.reason = mutate_draw(m, 8);
		e.error = mutate_draw(m, 4) ? mutate_draw(m, 200) : mutate_draw(m, 0);
		e.sequence = mutate_draw(m, 32) ? before + mutate_draw(m, 40) - 2 : odd(m, before + 1);
		e.lost = odd(m, mutate_draw(m, 2) ? 4 : e.sequence);
		/* What is left out is told as 1. */
		e.count = odd(m, 1);
		e.total = odd(m, self->writer.total + e.count);
		e.time = odd(m, 1700000000000000000ULL);
		e.last_time = odd(m, e.time);
		e.has = mutate_draw(m, 0);
		e.pid = mutate_draw(m, 4) ? mutate_draw(m, 0) : (uint32_t)getpid();
		e.lacks = mutate_draw(m, 0);
		e.rule = mutate_draw(m, 2) ? "\x1b[31mrule\xff" : NULL;
		e.limit.most = mutate_draw(m, 4) ? 0 : htole64(odd(m, 5));
		e.limit.what = htole32(mutate_draw(m, 6));
		e.limit.seconds = htole32(mutate_draw(m, 3) ? mutate_draw(m, 100000) : mutate_draw(m, 0));
		e.path.data = any;
		e.path.length = mutate_draw(m, sizeof(any));
		e.cgroup = e.path;
		e.path2 = e.path;
		e.place = mutate_draw(m, 4);
		e.ops = mutate_draw(m, 0);
		e.exe_dev = mutate_draw(m, 0);
		e.exe_inode = odd(m, 7);
		e.exe_doubt = mutate_draw(m, 5);
		e.program.kind = htole32(mutate_draw(m, 4));
		self->in.dumping = mutate_draw(m, 2);
		ret = take(&e, &self->in);
		ASSERT_TRUE(ret == 0 || (ret == TAKE_GAP && !self->in.dumping) || ret == TAKE_RELOADED);
		accepted += !ret && taken(&self->in) > before;
		/* Never back, and never past what came. */
		ASSERT_LE(before, taken(&self->in));
		ASSERT_TRUE(taken(&self->in) == before || taken(&self->in) == e.sequence);
		if (ret)
			ASSERT_EQ(before, taken(&self->in));
		/* Numbers past all that a module could count to: another one begins. */
		if (taken(&self->in) > INT64_MAX / 2) {
			ASSERT_EQ(0, record_own(&self->in));
			begun[nth] = taken(&self->in);
			memset(self->writer.load_id, ++nth, WARD_LOAD_ID_SIZE);
			self->writer.sequence = 0;
			self->writer.total = 0;
			if (nth == 40)
				break;
		}
	}
	ASSERT_EQ(0, record_own(&self->in));
	EXPECT_LT(1000, accepted);
	for (i = 1; i < nth; i++) {
		uint8_t load_id[WARD_LOAD_ID_SIZE];

		memset(load_id, i, sizeof(load_id));
		name_of(load_id, load);
		read_log(_metadata, NULL, load, &a);
		EXPECT_EQ(begun[i], a.last);
	}
}

TEST_HARNESS_MAIN
