// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Events, from the module to the log, each once and in order. They come as they happen;
 * whenever one is missing (we were not there, the socket overflowed, the log could not
 * be written), all from the last one in the log on are dumped from the kernel's ring.
 * What the ring has lost becomes a record that says how many.
 *
 * The module comes and goes: each load has a random id and counts anew.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "wardd.h"

#define BATCH_MOST	256	/* messages that are made durable at a time */
#define RETRY_S		2	/* until something is tried again */
#define RETRY_MOST_S	60	/* when it failed again and again */
#define TICK_MOST_S	10	/* between looks at what the log wants */
#define SECOND_US	1000000ULL

/* Results of taking an event that are no errors. */
#define TAKE_GAP	1		/* events are missing before this one */
#define TAKE_RELOADED	2		/* the event is of another load of the module */

/**
 * struct wardd_intake - the way in
 * @loop: the daemon's
 * @settings: ward.conf
 * @writer: the log
 * @changed: called when vaults may have come, gone, or changed their state
 * @arg: for @changed
 * @nl: to the module; NULL while it is not there
 * @watch: announces that it comes or goes
 * @watch_source: for @watch
 * @event_source: for the events; NULL without @nl
 * @retry: fires when something is to be tried again
 * @delay: for how long it was waited the last time, seconds
 * @tick: fires every few seconds
 * @dumping: what is missing is being fetched, or cannot be any more
 * @overrun: the socket was full, and has not been empty since
 * @missed: events that were not recorded wait in the kernel, or did
 * @waiting: said that the module is not there
 * @stalled: said that the log cannot be written
 * @tell_changed: a state may have changed in this batch
 * @names: of vaults and users
 * @counts: what was recorded
 * @own: record of the last of our own accesses that are held back; NULL for none
 * @held: that event
 * @span: how many numbers of events are held back
 */
struct wardd_intake {
	sd_event *loop;
	const struct ward_settings *settings;
	struct wardd_writer *writer;
	void (*changed)(void *arg);
	void *arg;
	struct ward_nl *nl;
	int watch;
	sd_event_source *watch_source;
	sd_event_source *event_source;
	sd_event_source *retry;
	unsigned int delay;
	sd_event_source *tick;
	bool dumping;
	bool overrun;
	bool missed;
	bool waiting;
	bool stalled;
	bool tell_changed;
	struct wardd_names *names;
	struct wardd_counts *counts;
	json_t *own;
	struct ward_event held;
	uint64_t span;
};

static void connect_module(struct wardd_intake *in);

/* ---- taking events --------------------------------------------------------------- */

/* Up to which event all were taken. */
static uint64_t taken(const struct wardd_intake *in)
{
	return in->own ? in->held.sequence : in->writer->sequence;
}

/* How many events happened up to that one; 0, unless it is the first, when that is not known. */
static uint64_t taken_total(const struct wardd_intake *in)
{
	return in->own ? in->held.total : in->writer->total;
}

static int append(struct wardd_intake *in, json_t *object, const struct ward_event *event)
{
	int ret = wardd_writer_append(in->writer, object, event);

	if (ret)
		return ret;
	wardd_counts_add(in->counts, event);
	if (in->settings->journal)
		wardd_journal(object);
	return 0;
}

static json_t *object_of(struct wardd_intake *in, const struct ward_event *event)
{
	struct ward_log_names names = { wardd_names_vault, wardd_names_user, in->names };

	return ward_log_event(event, &names);
}

/* ---- our own accesses ------------------------------------------------------------- */

/*
 * When the log lies in a vault whose rules record, or refuse, what we do there, each record could
 * make another event, without end. Such events wait until there is another one to be recorded;
 * then one line stands for all of them.
 */
static bool is_own(const struct ward_event *event)
{
	return (event->kind == WARD_KIND_AUDIT || event->kind == WARD_KIND_VIOLATION) &&
	       event->has & WARD_EVENT_HAS_PID && event->pid == (uint32_t)getpid();
}

static void forget_own(struct wardd_intake *in)
{
	json_decref(in->own);
	in->own = NULL;
	in->span = 0;
}

static int hold_own(struct wardd_intake *in, const struct ward_event *event)
{
	json_t *object = object_of(in, event);
	uint64_t count = in->own ? in->held.count : 0;

	if (!object)
		return -ENOMEM;
	json_decref(in->own);
	in->own = object;
	/* Its texts are gone when this is used. */
	in->held = *event;
	in->held.count += count;
	in->span++;
	return 0;
}

static int record_own(struct wardd_intake *in)
{
	int ret;

	if (!in->own)
		return 0;
	json_object_set_new(in->own, "ward.count", json_integer(in->held.count));
	if (in->span > 1)
		json_object_set_new(in->own, "ward.span", json_integer(in->span));
	ret = append(in, in->own, &in->held);
	if (!ret)
		forget_own(in);
	return ret;
}

static int record(struct wardd_intake *in, const struct ward_event *event)
{
	json_t *object;
	int ret;

	if (event->kind == WARD_KIND_MOUNT || event->kind == WARD_KIND_KEY)
		in->tell_changed = true;
	if (is_own(event))
		return hold_own(in, event);
	ret = record_own(in);
	if (ret)
		return ret;
	object = object_of(in, event);
	if (!object)
		return -ENOMEM;
	ret = append(in, object, event);
	json_decref(object);
	return ret;
}

/*
 * A record of @count lost events, the last of which had the number @sequence; up to it @total
 * happened, if that is known. @detail says more, or is NULL.
 */
static int record_lost(struct wardd_intake *in, const struct ward_event *event, uint64_t count,
		       uint64_t sequence, uint64_t total, const char *detail)
{
	uint64_t before = taken_total(in);
	struct ward_event lost = {
		.kind = WARD_KIND_LOST,
		.sequence = sequence,
		.lost = count,
		.count = 1,
		.total = total,
		.time = event->time,
		.last_time = event->time,
		.detail = detail,
	};

	memcpy(lost.load_id, event->load_id, sizeof(lost.load_id));
	if (total > before && (before || !taken(in)))
		lost.gone = total - before;
	return record(in, &lost);
}

static int take(const struct ward_event *event, void *arg)
{
	struct wardd_intake *in = arg;
	struct wardd_writer *w = in->writer;
	uint64_t first = event->sequence;
	uint64_t total = 0;
	int ret;

	if (memcmp(event->load_id, w->load_id, sizeof(w->load_id)))
		return TAKE_RELOADED;
	/* Dumped before. */
	if (event->sequence <= taken(in))
		return 0;
	if (event->kind == WARD_KIND_LOST && event->lost && event->lost <= event->sequence)
		first = event->sequence - event->lost + 1;
	if (first > taken(in) + 1) {
		if (!in->dumping)
			return TAKE_GAP;
		/* Not even the ring had it, or we did not understand it. */
		if (event->kind != WARD_KIND_LOST && event->total > event->count)
			total = event->total - event->count;
		ret = record_lost(in, event, first - taken(in) - 1, first - 1, total, NULL);
		if (ret)
			return ret;
		in->missed = false;
	}
	if (event->kind == WARD_KIND_LOST)
		return record_lost(in, event, event->sequence - taken(in), event->sequence,
				   event->total, event->detail);
	return record(in, event);
}

/*
 * The module has gone, or is another one, and what it had not sent went with it. Only
 * that there was something is known, not how much.
 */
static int record_missed(struct wardd_intake *in)
{
	struct wardd_writer *w = in->writer;
	struct ward_event last = { 0 };
	struct timespec now;
	int ret;

	/* What is held back cannot be fetched again. */
	ret = record_own(in);
	if (ret || !in->missed)
		return ret;
	clock_gettime(CLOCK_REALTIME, &now);
	last.time = now.tv_sec * 1000000000ULL + now.tv_nsec;
	memcpy(last.load_id, w->load_id, sizeof(last.load_id));
	ret = record_lost(in, &last, 1, w->sequence + 1, 0,
			  "at least one: the module was unloaded before all of its events were recorded");
	if (!ret)
		in->missed = false;
	return ret;
}

/*
 * What the module sent before it went is still in the socket. What is missing there
 * cannot be fetched any more.
 */
static void drain(struct wardd_intake *in)
{
	struct pollfd more = { .fd = ward_nl_event_fd(in->nl), .events = POLLIN };
	int ret;

	if (more.fd < 0)
		return;
	in->dumping = true;
	do {
		ret = ward_nl_event_receive(in->nl, take, in);
		/* Which ones, the next one tells, if one came after them. */
		if (ret == -ENOBUFS)
			in->missed = true;
		else if (!ret && poll(&more, 1, 0) <= 0)
			break;
	} while (!ret || ret == -ENOBUFS);
	in->dumping = false;
	/* A socket that was full, and not fetched from since, may have had more. */
	if ((ret && ret != TAKE_RELOADED) || in->overrun)
		in->missed = true;
	if (record_missed(in))
		wardd_say(LOG_ERR, "events of the module that has gone could not be recorded");
}

static const char *log_state(const struct wardd_intake *in)
{
	const struct wardd_writer *w = in->writer;

	return w->waiting ? "waiting for its vault" : w->suspended ? "suspended" :
	       in->stalled ? "failing" : "recording";
}

/* ---- trying again ---------------------------------------------------------------- */

static int retry_now(sd_event_source *source, uint64_t now, void *arg)
{
	struct wardd_intake *in = arg;

	(void)source;
	(void)now;
	connect_module(in);
	return 0;
}

static void retry_later(struct wardd_intake *in)
{
	uint64_t now;

	sd_event_now(in->loop, CLOCK_MONOTONIC, &now);
	now += in->delay * SECOND_US;
	if (in->retry) {
		sd_event_source_set_time(in->retry, now);
		sd_event_source_set_enabled(in->retry, SD_EVENT_ONESHOT);
		return;
	}
	if (sd_event_add_time(in->loop, &in->retry, CLOCK_MONOTONIC, now, 0, retry_now, in) < 0)
		wardd_say(LOG_ERR, "cannot set a timer");
}

static void disconnect(struct wardd_intake *in)
{
	/* They are in the kernel, and come again. */
	forget_own(in);
	in->overrun = false;
	in->event_source = sd_event_source_disable_unref(in->event_source);
	ward_nl_close(in->nl);
	in->nl = NULL;
}

/* Events could not be taken. They stay in the kernel, and are asked for again. */
static void failed(struct wardd_intake *in, int err)
{
	bool gone = err == -ENODEV || err == -ENOENT || err == TAKE_RELOADED;

	/* Once connected, this is about events that there are. */
	if (in->event_source && !gone)
		in->missed = true;
	if (gone && in->nl)
		drain(in);
	disconnect(in);
	if (gone) {
		connect_module(in);
		return;
	}
	/*
	 * Room, or an unlocked vault, is looked for often and costs nothing. Other attempts may
	 * themselves be events, where the log lies in a vault: they become rare.
	 */
	if (err == -ENOSPC || err == -ENOKEY || !in->delay)
		in->delay = RETRY_S;
	else
		in->delay = in->delay * 2 < RETRY_MOST_S ? in->delay * 2 : RETRY_MOST_S;
	if (!in->stalled && err != -ENOKEY)
		wardd_say(LOG_ERR, "events cannot be recorded in %s: %s; they wait in the kernel, and this is tried again",
			  in->settings->log, strerror(-err));
	in->stalled = true;
	wardd_counts_save(in->counts, in->writer, log_state(in), false);
	retry_later(in);
}

/* ---- fetching -------------------------------------------------------------------- */

/* Everything from the last event in the log on. 0, TAKE_RELOADED or a negative errno. */
static int catch_up(struct wardd_intake *in)
{
	int ret;

	in->dumping = true;
	ret = ward_nl_event_dump(in->nl, taken(in) + 1, take, in);
	in->dumping = false;
	return ret;
}

/* After each batch, which ended with @ret: make it durable, tell of changes. Returns how that ended. */
static int batch_end(struct wardd_intake *in, int ret)
{
	int synced = wardd_writer_sync(in->writer);

	wardd_counts_save(in->counts, in->writer, log_state(in), false);
	if (in->tell_changed) {
		in->tell_changed = false;
		in->changed(in->arg);
	}
	return ret ? ret : synced;
}

static int events_came(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct pollfd more = { .fd = fd, .events = POLLIN };
	struct wardd_intake *in = arg;
	unsigned int batch = 0;
	int ret;

	(void)source;
	(void)revents;
	ret = wardd_writer_reopen(in->writer, false);
	/* What is there already is made durable at once, not message by message. */
	while (!ret && batch++ < BATCH_MOST) {
		ret = ward_nl_event_receive(in->nl, take, in);
		if (poll(&more, 1, 0) <= 0)
			break;
	}
	if (ret == -ENOBUFS || ret == TAKE_GAP) {
		in->overrun = true;
		ret = catch_up(in);
	}
	/*
	 * A socket that was full gets nothing, and no further word of it, until it has been read
	 * empty: what happened meanwhile is missed without a sign, should nothing follow.
	 */
	if (!ret && in->overrun && poll(&more, 1, 0) <= 0) {
		in->overrun = false;
		ret = catch_up(in);
	}
	ret = batch_end(in, ret);
	if (ret)
		failed(in, ret);
	return 0;
}

/* ---- the module ------------------------------------------------------------------- */

static int connect_events(struct wardd_intake *in)
{
	struct wardd_writer *w = in->writer;
	struct ward_module module;
	int ret;

	/* First listen, then fetch what was before: so nothing is in between. */
	ret = ward_nl_subscribe(in->nl);
	if (!ret)
		ret = ward_nl_module_get(in->nl, &module);
	/* Only then it is known what the last one was. */
	if (!ret)
		ret = wardd_writer_reopen(w, w->fd < 0);
	if (ret)
		return ret;
	wardd_counts_load(in->counts, w);
	if (memcmp(w->load_id, module.load_id, sizeof(w->load_id)) ||
	    w->sequence >= module.next) {
		ret = record_missed(in);
		if (ret)
			return ret;
		memcpy(w->load_id, module.load_id, sizeof(w->load_id));
		w->sequence = 0;
		w->total = 0;
	}
	ret = batch_end(in, catch_up(in));
	in->missed = ret && w->sequence + 1 < module.next;
	if (ret)
		return ret;
	return sd_event_add_io(in->loop, &in->event_source, ward_nl_event_fd(in->nl), EPOLLIN,
			       events_came, in);
}

static void connect_module(struct wardd_intake *in)
{
	int ret;

	if (in->nl)
		return;
	ret = ward_nl_open(&in->nl);
	if (ret == -ENOENT) {
		if (!in->waiting)
			wardd_say(LOG_NOTICE, "the kernel module wardfs is not loaded: waiting for it");
		in->waiting = true;
		return;
	}
	if (!ret)
		ret = connect_events(in);
	if (ret < 0 || ret == TAKE_RELOADED) {
		failed(in, ret == -ENOENT || ret == -ENODEV || ret > 0 ? -EAGAIN : ret);
		return;
	}
	if (in->waiting || in->stalled)
		wardd_say(LOG_NOTICE, "events are recorded%s", in->stalled ? " again" : "");
	in->waiting = false;
	in->stalled = false;
	in->delay = 0;
	wardd_counts_save(in->counts, in->writer, log_state(in), true);
	in->changed(in->arg);
}

/* What the log wants although nothing happens. */
static int ticked(sd_event_source *source, uint64_t now, void *arg)
{
	struct wardd_intake *in = arg;
	uint64_t every = in->settings->seal_seconds < TICK_MOST_S ? in->settings->seal_seconds :
			 TICK_MOST_S;

	wardd_writer_tick(in->writer);
	/* It could not even be sealed. */
	if (in->nl && !in->stalled && in->writer->fd < 0)
		failed(in, -EIO);
	wardd_counts_save(in->counts, in->writer, log_state(in), false);
	sd_event_source_set_time(source, now + every * SECOND_US);
	sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

static int module_changed(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct wardd_intake *in = arg;
	struct ward_module module;
	int ret;

	(void)source;
	(void)revents;
	ward_nl_watch_drain(fd);
	if (in->nl) {
		ret = ward_nl_module_get(in->nl, &module);
		if (!ret && !memcmp(module.load_id, in->writer->load_id, sizeof(module.load_id)))
			return 0;
		drain(in);
		batch_end(in, 0);
		disconnect(in);
		in->waiting = false;
	}
	connect_module(in);
	return 0;
}

/**
 * wardd_intake_start - begin to take events
 * @intake: set to what stops it
 * @loop: the daemon's loop
 * @settings: ward.conf; kept
 * @writer: the log, open; kept
 * @changed: called when vaults may have changed their state; not to end @intake
 * @arg: for @changed
 *
 * That the module is not there is no error: it is waited for.
 *
 * Return: 0 or a negative errno.
 */
int wardd_intake_start(struct wardd_intake **intake, sd_event *loop,
		       const struct ward_settings *settings, struct wardd_writer *writer,
		       void (*changed)(void *arg), void *arg)
{
	struct wardd_intake *in = calloc(1, sizeof(*in));
	int ret;

	if (!in)
		return -ENOMEM;
	in->loop = loop;
	in->settings = settings;
	in->writer = writer;
	in->changed = changed;
	in->arg = arg;
	in->names = wardd_names_new();
	in->counts = wardd_counts_new();
	in->watch = in->names && in->counts ? ward_nl_watch_open() : -ENOMEM;
	ret = in->watch;
	if (ret < 0)
		goto free;
	ret = sd_event_add_time_relative(loop, &in->tick, CLOCK_MONOTONIC, SECOND_US, 0, ticked,
					 in);
	if (ret < 0)
		goto close;
	ret = sd_event_add_io(loop, &in->watch_source, in->watch, EPOLLIN, module_changed, in);
	if (ret < 0)
		goto close;
	connect_module(in);
	*intake = in;
	return 0;
close:
	sd_event_source_disable_unref(in->tick);
	close(in->watch);
free:
	wardd_counts_free(in->counts);
	wardd_names_free(in->names);
	free(in);
	return ret;
}

/**
 * wardd_intake_again - try at once what is to be tried again later
 * @intake: what takes events, or NULL
 */
void wardd_intake_again(struct wardd_intake *intake)
{
	if (!intake || !intake->stalled || intake->nl)
		return;
	intake->delay = 0;
	retry_later(intake);
}

/**
 * wardd_intake_stop - take no more events
 * @intake: what takes them, or NULL
 *
 * What has come until now is recorded; what comes later waits in the kernel.
 */
void wardd_intake_stop(struct wardd_intake *intake)
{
	if (!intake)
		return;
	if (intake->nl) {
		if (catch_up(intake) == -ENODEV)
			drain(intake);
		record_own(intake);
		wardd_writer_sync(intake->writer);
	}
	disconnect(intake);
	sd_event_source_disable_unref(intake->tick);
	/* For the next one. */
	wardd_counts_save(intake->counts, intake->writer, "stopped", true);
	sd_event_source_disable_unref(intake->retry);
	sd_event_source_disable_unref(intake->watch_source);
	close(intake->watch);
	wardd_counts_free(intake->counts);
	wardd_names_free(intake->names);
	free(intake);
}
