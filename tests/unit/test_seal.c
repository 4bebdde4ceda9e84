// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Seals of the event log: the chain of keys, the file that it lies in, and a verifier that takes
 * hostile logs. A small log is changed in every way that there is: each change is found.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "lib/logverify.h"
#include "mutate.h"

#define LINES	14
#define EVERY	4	/* lines to a seal */

static void first_key(uint8_t key[WARD_SEAL_KEY_SIZE])
{
	int i;

	for (i = 0; i < WARD_SEAL_KEY_SIZE; i++)
		key[i] = i;
}

static void hex(const uint8_t *bytes, size_t count, char *text)
{
	size_t i;

	for (i = 0; i < count; i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
}

/* Worked out with Python's hmac and hashlib. */
TEST(the_keys_are_those_of_the_document)
{
	uint8_t key[WARD_SEAL_KEY_SIZE], id[WARD_SEAL_ID_SIZE], mac[32];
	char text[65];

	first_key(key);
	ASSERT_EQ(0, ward_seal_id(key, id));
	hex(id, sizeof(id), text);
	EXPECT_STREQ("bab3e0a8397b5e8807c6add062634fee", text);
	ASSERT_EQ(0, ward_seal_evolve(key, 1));
	hex(key, sizeof(key), text);
	EXPECT_STREQ("7c2baae2cb1c745ad896e251cea0bc38f2efee29e4e807b26850ee1e4f6bc94b", text);
	ASSERT_EQ(0, ward_seal_evolve(key, 999));
	hex(key, sizeof(key), text);
	EXPECT_STREQ("fb7d430ede3369b742173982a794084fd68090c93b7d27c204f9172fc4778592", text);
	ASSERT_EQ(0, ward_seal_mac(key, "{\"a\":1", 6, mac));
	hex(mac, sizeof(mac), text);
	EXPECT_STREQ("cd939f169804ddccc8eb2e4a271863878b3be2af05bab2c44b5d3027fedb86cd", text);
}

/* ---- the file ------------------------------------------------------------------------ */

FIXTURE(file) {
	char dir[64];
	int dirfd;
	struct ward_seal_state state;
};

FIXTURE_SETUP(file)
{
	strcpy(self->dir, "/tmp/ward-seal-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	self->dirfd = open(self->dir, O_RDONLY | O_DIRECTORY);
	ASSERT_LE(0, self->dirfd);
	memset(&self->state, 0, sizeof(self->state));
	first_key(self->state.key);
	ASSERT_EQ(0, ward_seal_id(self->state.key, self->state.id));
}

FIXTURE_TEARDOWN(file)
{
	unlinkat(self->dirfd, WARD_SEAL_STATE, 0);
	unlinkat(self->dirfd, WARD_SEAL_PENDING, 0);
	close(self->dirfd);
	rmdir(self->dir);
}

static size_t image(int dirfd, uint8_t bytes[8192 + 1])
{
	int fd = openat(dirfd, WARD_SEAL_STATE, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, bytes, 8192 + 1);

	close(fd);
	return n < 0 ? 0 : n;
}

static void put_image(int dirfd, const uint8_t *bytes, size_t size)
{
	int fd = openat(dirfd, WARD_SEAL_STATE, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
		abort();
	close(fd);
}

static bool same(const struct ward_seal_state *a, const struct ward_seal_state *b)
{
	return !memcmp(a->id, b->id, sizeof(a->id)) && a->number == b->number &&
	       a->line == b->line && !memcmp(a->last, b->last, sizeof(a->last)) &&
	       !memcmp(a->key, b->key, sizeof(a->key));
}

TEST_F(file, no_key_of_before_is_left)
{
	uint8_t bytes[8192 + 1], old[WARD_SEAL_KEY_SIZE];
	struct ward_seal_state got;
	int i;

	EXPECT_EQ(-ENOENT, ward_sealfile_load(self->dirfd, WARD_SEAL_STATE, &got));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, ward_sealfile_store(self->dirfd, WARD_SEAL_STATE, &self->state));
		ASSERT_EQ(0, ward_sealfile_load(self->dirfd, WARD_SEAL_STATE, &got));
		EXPECT_TRUE(same(&got, &self->state));
		ASSERT_EQ(8192, image(self->dirfd, bytes));
		if (i)
			EXPECT_EQ(NULL, memmem(bytes, 8192, old, sizeof(old)));
		EXPECT_NE(NULL, memmem(bytes, 8192, self->state.key, sizeof(old)));
		memcpy(old, self->state.key, sizeof(old));
		ASSERT_EQ(0, ward_seal_evolve(self->state.key, 1));
		self->state.number++;
		self->state.line += 10;
	}
}

TEST_F(file, after_a_crash_the_later_one_counts_and_the_other_goes)
{
	uint8_t before[8192 + 1], after[8192 + 1], both[8192 + 1];
	struct ward_seal_state old = self->state, got;
	int at;

	ASSERT_EQ(0, ward_sealfile_store(self->dirfd, WARD_SEAL_STATE, &old));
	image(self->dirfd, before);
	ASSERT_EQ(0, ward_seal_evolve(self->state.key, 1));
	self->state.number++;
	ASSERT_EQ(0, ward_sealfile_store(self->dirfd, WARD_SEAL_STATE, &self->state));
	image(self->dirfd, after);
	/* New one written, old one not wiped yet. */
	for (at = 0; at < 8192; at++)
		both[at] = before[at] | after[at];
	put_image(self->dirfd, both, 8192);
	ASSERT_EQ(0, ward_sealfile_load(self->dirfd, WARD_SEAL_STATE, &got));
	EXPECT_TRUE(same(&got, &self->state));
	ASSERT_EQ(0, ward_sealfile_store(self->dirfd, WARD_SEAL_STATE, &self->state));
	image(self->dirfd, both);
	EXPECT_EQ(NULL, memmem(both, 8192, old.key, sizeof(old.key)));
	ASSERT_EQ(0, ward_sealfile_load(self->dirfd, WARD_SEAL_STATE, &got));
	EXPECT_TRUE(same(&got, &self->state));
	/* New one torn: the old one counts. */
	for (at = 1; at < 144; at++) {
		int where = memcmp(before, "WARDSEAL", 8) ? 0 : 4096;

		memcpy(both, before, 8192);
		memcpy(both + where, after + where, at);
		/* Before the last byte that is not zero, and once it is whole. */
		put_image(self->dirfd, both, 8192);
		ASSERT_EQ(0, ward_sealfile_load(self->dirfd, WARD_SEAL_STATE, &got));
		EXPECT_TRUE(same(&got, &old) || !memcmp(both + where, after + where, 144));
	}
}

TEST_F(file, a_damaged_one_is_told_from_none)
{
	uint8_t bytes[8192 + 1];
	struct ward_seal_state got;
	size_t size, at;

	ASSERT_EQ(0, ward_sealfile_store(self->dirfd, WARD_SEAL_STATE, &self->state));
	size = image(self->dirfd, bytes);
	for (at = 0; at < 4096 + 144; at++) {
		if (at % 4096 >= 144)
			continue;
		bytes[at] ^= 1;
		put_image(self->dirfd, bytes, size);
		bytes[at] ^= 1;
		/* In the place that is in use, it is damaged; in the other nothing is. */
		EXPECT_EQ(memcmp(bytes + at / 4096 * 4096, "WARDSEAL", 8) ? 0 : -EBADMSG,
			  ward_sealfile_load(self->dirfd, WARD_SEAL_STATE, &got));
	}
	for (at = 0; at < size; at += 37) {
		put_image(self->dirfd, bytes, at);
		if (ward_sealfile_load(self->dirfd, WARD_SEAL_STATE, &got))
			continue;
		EXPECT_TRUE(same(&got, &self->state));
	}
}

TEST_F(file, another_chain_counts_although_its_numbers_are_lower)
{
	struct ward_seal_state got;
	uint8_t bytes[8192 + 1];

	self->state.number = 700;
	ASSERT_EQ(0, ward_sealfile_store(self->dirfd, WARD_SEAL_STATE, &self->state));
	memcpy(bytes, self->state.key, sizeof(self->state.key));
	memset(self->state.key, 9, sizeof(self->state.key));
	ASSERT_EQ(0, ward_seal_id(self->state.key, self->state.id));
	self->state.number = 0;
	ASSERT_EQ(0, ward_sealfile_store(self->dirfd, WARD_SEAL_STATE, &self->state));
	ASSERT_EQ(0, ward_sealfile_load(self->dirfd, WARD_SEAL_STATE, &got));
	EXPECT_TRUE(same(&got, &self->state));
	ASSERT_EQ(0, ward_sealfile_remove(self->dirfd, WARD_SEAL_STATE));
	EXPECT_EQ(-ENOENT, ward_sealfile_load(self->dirfd, WARD_SEAL_STATE, &got));
	EXPECT_EQ(0, ward_sealfile_remove(self->dirfd, WARD_SEAL_STATE));
}

TEST(verification_keys_are_read_as_people_keep_them)
{
	static const char * const bad[] = {
		"", "\n\n# nothing\n", "AAAA-BBBB\n", "hello, this is no key\n",
	};
	uint8_t key[WARD_SEAL_KEY_SIZE];
	struct ward_seal_keys keys;
	struct ward_err err;
	char text[128], all[512];
	size_t i;

	first_key(key);
	ASSERT_EQ(0, ward_sealkey_text(key, text, sizeof(text)));
	ward_err_clear(&err);
	snprintf(all, sizeof(all), "# of a machine\n\n  %s\n", text);
	ASSERT_EQ(0, ward_sealkey_parse(all, strlen(all), &keys, &err));
	EXPECT_EQ(1, keys.count);
	EXPECT_EQ(0, memcmp(keys.first[0], key, sizeof(key)));
	ASSERT_EQ(0, ward_sealkey_parse(text, strlen(text), &keys, &err));
	EXPECT_EQ(1, keys.count);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		EXPECT_GT(0, ward_sealkey_parse(bad[i], strlen(bad[i]), &keys, &err));
		EXPECT_EQ(WARD_BAD_KEY, err.cause);
	}
	text[5] = text[5] == 'A' ? 'B' : 'A';
	EXPECT_EQ(-EBADMSG, ward_sealkey_parse(text, strlen(text), &keys, &err));
	memset(all, '\n', sizeof(all));
	EXPECT_GT(0, ward_sealkey_parse(all, sizeof(all), &keys, &err));
}

/* ---- a log --------------------------------------------------------------------------- */

FIXTURE(log) {
	char *line[LINES];
	size_t length[LINES];
	char *text;
	size_t size;
	struct ward_seal_keys keys;
	struct ward_seal_state state;
	uint8_t key_of[LINES][WARD_SEAL_KEY_SIZE];	/* that the line was sealed with */
	int fd;
};

static json_t *some_record(int i)
{
	json_t *o = ward_log_own("violation", "open-read", 1700000000000000000ULL + i);

	json_object_set_new(o, "event.sequence", json_integer(i));
	json_object_set_new(o, "file.path", json_string("/srv/\\x01\"}\",\"ward.prev\":\""));
	json_object_set_new(o, "user.name", json_string("alice"));
	return o;
}

/* Writes lines from @from on, as wardd does, with the key in @state. */
static void make_log(char **line, size_t *length, int from, int count,
		     struct ward_seal_state *state, uint8_t key_of[][WARD_SEAL_KEY_SIZE])
{
	char prev[WARD_LOG_PREV] = WARD_LOG_FIRST;
	uint64_t records = from ? (from - 1) % EVERY : 0;
	int i;

	if (from)
		ward_log_hash(line[from - 1], length[from - 1], prev);
	for (i = from; i < count; i++) {
		bool sealed = i % EVERY == 0 || i == count - 1;
		struct ward_seal seal = {
			.time = 1700000000000000000ULL + i, .number = state->number,
			.records = records, .line = i + 1, .first = 1, .due = 3600,
		};

		if (key_of)
			memcpy(key_of[i], state->key, WARD_SEAL_KEY_SIZE);
		if (sealed) {
			memcpy(seal.id, state->id, sizeof(seal.id));
			strcpy(seal.cause, i ? i == count - 1 ? "stop" : "records" : "start");
			line[i] = ward_seal_line(&seal, prev, state->key, NULL);
			records = 0;
		} else {
			json_t *o = some_record(i);

			line[i] = ward_log_line(o, prev);
			json_decref(o);
			records++;
		}
		if (!line[i])
			abort();
		length[i] = strlen(line[i]) - 1;
		ward_log_hash(line[i], length[i], prev);
		if (!sealed)
			continue;
		ward_seal_evolve(state->key, 1);
		state->number++;
		state->line = i + 1;
		ward_log_unhex(prev, state->last, sizeof(state->last));
	}
}

FIXTURE_SETUP(log)
{
	int i;

	memset(&self->keys, 0, sizeof(self->keys));
	memset(&self->state, 0, sizeof(self->state));
	first_key(self->state.key);
	ASSERT_EQ(0, ward_seal_id(self->state.key, self->state.id));
	self->keys.count = 1;
	memcpy(self->keys.first[0], self->state.key, WARD_SEAL_KEY_SIZE);
	memcpy(self->keys.id[0], self->state.id, WARD_SEAL_ID_SIZE);
	make_log(self->line, self->length, 0, LINES, &self->state, self->key_of);
	self->size = 0;
	self->text = NULL;
	for (i = 0; i < LINES; i++) {
		self->text = realloc(self->text, self->size + self->length[i] + 1);
		ASSERT_NE(NULL, self->text);
		memcpy(self->text + self->size, self->line[i], self->length[i] + 1);
		self->size += self->length[i] + 1;
	}
	self->fd = memfd_create("log", MFD_CLOEXEC);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(log)
{
	int i;

	for (i = 0; i < LINES; i++)
		free(self->line[i]);
	free(self->text);
	close(self->fd);
}

static void hear(const char *file, uint64_t line, bool doubt, const char *text, void *arg)
{
	if (arg)
		printf("# %s:%d: %s\n", file ? file : "-", (int)line, text);
}

/* How many things are wrong with it. */
static uint64_t verify(int fd, const void *text, size_t size, const struct ward_seal_keys *keys,
		       const struct ward_seal_state *state, struct ward_log_verdict *out)
{
	struct ward_log_verifier *v = ward_log_verify_new(keys, hear, NULL);
	struct ward_log_verdict verdict;

	if (!v || ftruncate(fd, 0) || pwrite(fd, text, size, 0) != (ssize_t)size ||
	    ward_log_verify_file(v, fd, "log", false))
		abort();
	ward_log_verify_end(v, state, state, 0);
	ward_log_verify_free(v, &verdict);
	if (out)
		*out = verdict;
	return verdict.bad;
}

TEST_F(log, as_it_was_written_it_holds)
{
	struct ward_log_verdict v;

	EXPECT_EQ(0, verify(self->fd, self->text, self->size, &self->keys, &self->state, &v));
	EXPECT_EQ(LINES, v.lines);
	EXPECT_EQ(5, v.seals);
	EXPECT_EQ(LINES, v.proven);
	EXPECT_EQ(0, v.from);
	EXPECT_EQ(4, v.to);
	EXPECT_EQ(0, v.after);
	EXPECT_TRUE(v.key_fits);
	EXPECT_EQ(0, verify(self->fd, self->text, self->size, NULL, &self->state, &v));
	EXPECT_EQ(0, v.proven);
	EXPECT_EQ(0, verify(self->fd, self->text, self->size, &self->keys, NULL, &v));
	EXPECT_EQ(LINES, v.proven);
	/* A key of another log proves nothing. */
	self->keys.id[0][0] ^= 1;
	EXPECT_EQ(0, verify(self->fd, self->text, self->size, &self->keys, &self->state, &v));
	EXPECT_FALSE(v.key_fits);
	EXPECT_EQ(0, v.proven);
}

TEST_F_TIMEOUT(log, every_cut_is_found, 1200)
{
	size_t size;

	/* With the seal state, with and without a key. */
	for (size = 0; size < self->size; size++) {
		EXPECT_LT(0, verify(self->fd, self->text, size, &self->keys, &self->state, NULL))
			TH_LOG("cut to %zu bytes", size);
		EXPECT_LT(0, verify(self->fd, self->text, size, NULL, &self->state, NULL))
			TH_LOG("cut to %zu bytes, without a key", size);
	}
}

TEST_F_TIMEOUT(log, every_cut_at_the_beginning_is_found, 1200)
{
	size_t at;

	for (at = 1; at < self->size; at++)
		EXPECT_LT(0, verify(self->fd, self->text + at, self->size - at, NULL, &self->state,
				    NULL))
			TH_LOG("%zu bytes cut off", at);
}

TEST_F_TIMEOUT(log, every_changed_byte_is_found, 1200)
{
	/* The key alone, and the state alone, suffice. */
	static const struct {
		uint8_t change;
		bool key;
	} tries[] = { { 0x01, true }, { 0x20, false }, { 0x80, true } };
	size_t at, i;

	for (at = 0; at < self->size; at++)
		for (i = 0; i < sizeof(tries) / sizeof(*tries); i++) {
			self->text[at] ^= tries[i].change;
			EXPECT_LT(0, verify(self->fd, self->text, self->size,
					    tries[i].key ? &self->keys : NULL,
					    tries[i].key ? NULL : &self->state, NULL))
				TH_LOG("byte %zu, %02x", at, tries[i].change);
			self->text[at] ^= tries[i].change;
		}
	EXPECT_EQ(0, verify(self->fd, self->text, self->size, &self->keys, &self->state, NULL));
}

/* Lines left out, twice, or in another order. */
static size_t put_lines(char *out, char **line, const size_t *length, const int *order, int count)
{
	size_t size = 0;
	int i;

	for (i = 0; i < count; i++) {
		memcpy(out + size, line[order[i]], length[order[i]] + 1);
		size += length[order[i]] + 1;
	}
	return size;
}

TEST_F_TIMEOUT(log, every_line_left_out_put_in_or_moved_is_found, 1200)
{
	char *text = malloc(2 * self->size);
	int order[2 * LINES], a, b, i, n;
	size_t size;

	ASSERT_NE(NULL, text);
	for (a = 0; a < LINES; a++) {
		for (n = i = 0; i < LINES; i++)
			if (i != a)
				order[n++] = i;
		size = put_lines(text, self->line, self->length, order, n);
		EXPECT_LT(0, verify(self->fd, text, size, &self->keys, &self->state, NULL))
			TH_LOG("line %d left out", a);
		for (b = 0; b < LINES; b++) {
			for (n = i = 0; i < LINES; i++) {
				order[n++] = i;
				if (i == b)
					order[n++] = a;
			}
			size = put_lines(text, self->line, self->length, order, n);
			EXPECT_LT(0, verify(self->fd, text, size, &self->keys, &self->state, NULL))
				TH_LOG("line %d again behind %d", a, b);
			if (a == b)
				continue;
			for (i = 0; i < LINES; i++)
				order[i] = i == a ? b : i == b ? a : i;
			size = put_lines(text, self->line, self->length, order, LINES);
			EXPECT_LT(0, verify(self->fd, text, size, &self->keys, &self->state, NULL))
				TH_LOG("lines %d and %d exchanged", a, b);
		}
	}
	free(text);
}

/*
 * Who becomes root when @at lines are written has the key as it is then, and can make all that
 * follows anew. What was sealed before he cannot, however he goes about it.
 */
TEST_F(log, who_has_a_later_key_cannot_change_what_was_sealed_before)
{
	int at, from;

	for (at = 1; at < LINES; at++) {
		for (from = 1; from < at; from++) {
			char *line[LINES] = { NULL }, *text = NULL;
			struct ward_seal_state thief = { 0 };
			size_t length[LINES], size = 0;
			bool sealed = false;
			uint64_t bad;
			int i;

			/* Was a seal made between what he changes and his coming? */
			for (i = from - 1; i < at; i++)
				sealed |= i % EVERY == 0;
			/* He keeps the lines before, and makes the others with the key he has. */
			for (i = 0; i < from; i++) {
				line[i] = strdup(self->line[i]);
				length[i] = self->length[i];
			}
			free(line[from - 1]);
			line[from - 1] = strdup(self->line[from - 1]);
			line[from - 1][20] ^= 1;
			memcpy(thief.id, self->state.id, sizeof(thief.id));
			memcpy(thief.key, self->key_of[at], sizeof(thief.key));
			/* The numbers that stand there anyhow, so that only the MACs tell. */
			thief.number = (from + EVERY - 1) / EVERY;
			make_log(line, length, from, LINES, &thief, NULL);
			for (i = 0; i < LINES; i++) {
				text = realloc(text, size + length[i] + 1);
				memcpy(text + size, line[i], length[i] + 1);
				size += length[i] + 1;
				free(line[i]);
			}
			bad = verify(self->fd, text, size, &self->keys, &thief, NULL);
			EXPECT_EQ(sealed, bad > 0)
				TH_LOG("line %d changed by who came at %d", from - 1, at);
			free(text);
		}
	}
}

TEST_F(log, a_forged_or_old_state_is_found)
{
	struct ward_seal_state forged = self->state;
	size_t cut = 0;
	int i;

	/* Cut back to a seal, with a state that says that there were no more. */
	for (i = 0; i <= EVERY; i++)
		cut += self->length[i] + 1;
	forged.number = 2;
	forged.line = EVERY + 1;
	EXPECT_LT(0, verify(self->fd, self->text, cut, &self->keys, &forged, NULL));
	memset(forged.key, 1, sizeof(forged.key));
	EXPECT_LT(0, verify(self->fd, self->text, cut, &self->keys, &forged, NULL));
	/* An old one beside a log that went on. */
	forged = self->state;
	forged.number = 1;
	EXPECT_LT(0, verify(self->fd, self->text, self->size, NULL, &forged, NULL));
	/* One of another chain. */
	forged = self->state;
	forged.id[3] ^= 4;
	EXPECT_LT(0, verify(self->fd, self->text, self->size, NULL, &forged, NULL));
	/* A seal that was written and whose key was not replaced yet is none. */
	forged = self->state;
	forged.number = 4;
	memcpy(forged.key, self->key_of[LINES - 1], sizeof(forged.key));
	EXPECT_EQ(0, verify(self->fd, self->text, self->size, &self->keys, &forged, NULL));
}

TEST_F_TIMEOUT(log, nothing_that_is_read_does_harm, 1200)
{
	struct mutate m = { 0x5ea1 };
	int i;

	for (i = 0; i < 4000; i++) {
		size_t size = self->size;
		uint8_t *text = mutate_copy(&m, self->text, &size);
		struct ward_log_verdict v;

		verify(self->fd, text, size, &self->keys, &self->state, &v);
		if (size != self->size || memcmp(text, self->text, size))
			EXPECT_LT(0, v.bad);
		free(text);
	}
}

/* A seal's number decides how much is worked out: none keeps us busy. */
TEST_F(log, a_made_up_number_does_not_keep_us_busy)
{
	struct ward_seal seal = { .line = 1, .cause = "start", .time = 1 };
	uint64_t numbers[] = { 1ULL << 26, (1ULL << 26) + 1, INT64_MAX };
	size_t i;

	memcpy(seal.id, self->state.id, sizeof(seal.id));
	for (i = 1; i < 3; i++) {
		char *line;

		seal.number = numbers[i];
		line = ward_seal_line(&seal, NULL, self->state.key, NULL);
		ASSERT_NE(NULL, line);
		EXPECT_LT(0, verify(self->fd, line, strlen(line), &self->keys, NULL, NULL));
		free(line);
	}
}

/* ---- filters --------------------------------------------------------------------------- */

TEST(times_are_those_of_the_calendar)
{
	time_t t;

	for (t = 0; t < 4102444800; t += 86400 * 5 + 12345) {
		char text[64];
		struct tm tm;

		gmtime_r(&t, &tm);
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
		ASSERT_EQ(t, ward_log_seconds(text));
	}
	EXPECT_EQ(-1, ward_log_seconds(""));
	EXPECT_EQ(-1, ward_log_seconds("2026-13-01T00:00:00"));
	EXPECT_EQ(-1, ward_log_seconds("2026-01-01 00:00:00"));
}

TEST(the_quick_look_never_loses_what_is_wanted)
{
	static const char line[] =
		"{\"@timestamp\":\"2026-11-26T05:29:36.125888901Z\",\"event.sequence\":1,"
		"\"event.kind\":\"alert\",\"event.action\":\"open-write\",\"event.reason\":\"policy\","
		"\"user.id\":\"60001\",\"user.name\":\"alice\",\"user.effective.id\":\"60009\","
		"\"user.effective.name\":\"carol\",\"process.pid\":1001,"
		"\"process.name\":\"tar\",\"process.executable\":\"/usr/bin/tar\","
		"\"ward.kind\":\"violation\",\"ward.vault\":\"cases1\","
		"\"file.path\":\"/srv/cases1/a \\\"b\\\"/c\",\"ward.target_path\":\"/srv/cases1/d\"}";
	static const struct ward_log_filter filters[] = {
		{ .kind = "violation" }, { .kind = "tamper" }, { .vault = "cases1" },
		{ .vault = "cases" }, { .user = "alice", .login = "5" },
		{ .user = "bob", .login = "5" }, { .user = "60001", .login = "60001" },
		{ .action = "open-write" }, { .action = "delete" }, { .reason = "policy" },
		{ .reason = "locked" }, { .program = "tar" }, { .program = "/usr/bin/tar" },
		{ .program = "ar" }, { .path = "/srv/cases1" }, { .path = "/srv/cases1/d" },
		{ .path = "/srv/cases" }, { .path = "/" }, { .path = "*/c" }, { .path = "*.odt" },
		{ .since = 1790000000 }, { .since = 1990000000 }, { .until = 1990000000 },
		{ .until = 1790000000 }, { .kind = "violation", .program = "tar", .path = "/srv" },
		{ .user = "carol", .login = "5" }, { .user = "60009", .login = "60009" },
		{ .user = "dora", .login = "60009" }, { .user = "6000", .login = "6000" },
	};
	static const bool wanted[] = {
		1, 0, 1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1,
		1, 1, 1, 0,
	};
	struct mutate m = { 77 };
	size_t i, n, agreed = 0;

	for (i = 0; i < sizeof(filters) / sizeof(*filters); i++) {
		json_t *o = json_loads(line, 0, NULL);

		EXPECT_EQ(wanted[i], ward_log_match(o, &filters[i])) TH_LOG("filter %zu", i);
		json_decref(o);
		EXPECT_TRUE(!wanted[i] || ward_log_may_match(line, strlen(line), &filters[i]));
		for (n = 0; n < 2000; n++) {
			size_t size = strlen(line);
			char *copy = (char *)mutate_copy(&m, line, &size);
			bool may = ward_log_may_match(copy, size, &filters[i]);

			o = json_loadb(copy, size, JSON_REJECT_DUPLICATES, NULL);
			if (json_is_object(o)) {
				EXPECT_TRUE(may || !ward_log_match(o, &filters[i]))
					TH_LOG("filter %zu: %s", i, copy);
				agreed += may == ward_log_match(o, &filters[i]);
			}
			json_decref(o);
			free(copy);
		}
	}
	/* It is to be of use, too. */
	EXPECT_LT(5000, agreed);
}

TEST_HARNESS_MAIN
