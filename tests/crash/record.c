// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A disk in memory, served to the kernel's own network block device, that records every write
 * and every flush in the order in which it took them, as a log of the target "log-writes".
 *
 *   record DEVICE MIB LOG SOCKET
 *
 * Prints "ready" and serves DEVICE until SIGTERM. SOCKET (SOCK_SEQPACKET) takes marks: a text is
 * put into the log and answered with the same text. Whoever marks after an fsync has returned
 * has the mark behind everything that the fsync waited for.
 *
 * Why not the target itself: it takes the writes that a flush covers off its list when the flush
 * is submitted, and logs them when it has completed. With two flushes under way, what the first
 * one took is logged behind the second one, although the disk had it before: cut between them,
 * the log shows a state that no disk could be in. Here one thread takes one request after the
 * other. The protocol: Linux' include/uapi/linux/nbd.h; the log: see log.h.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/nbd.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

#define MARKERS_MAX	32
#define FLAG_FUA	(1U << 16)

static uint8_t *disk;		/* what reads answer */
static uint64_t disk_size;
static FILE *log_file;
static uint64_t log_entries;
static volatile sig_atomic_t stopping;

static __attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...)
{
	va_list args;

	fputs("record: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, ": %s\n", strerror(errno));
	exit(1);
}

static void stop(int number)
{
	(void)number;
	stopping = 1;
}

static void log_append(uint64_t flags, uint64_t from, const void *data, uint64_t len)
{
	uint8_t sector[SECTOR] = { 0 };
	bool mark = flags & LOG_MARK;
	struct log_entry e = {
		.sector = htole64(mark ? 0 : from / SECTOR),
		.sectors = htole64(mark ? 0 : len / SECTOR),
		.flags = htole64(flags),
		.data_len = htole64(mark ? len : 0),
	};

	memcpy(sector, &e, sizeof(e));
	if (mark)
		memcpy(sector + sizeof(e), data, len);
	if (fwrite(sector, SECTOR, 1, log_file) != 1 ||
	    (!mark && len && fwrite(data, len, 1, log_file) != 1))
		die("the log cannot be written");
	log_entries++;
}

static void log_end(void)
{
	uint8_t sector[SECTOR] = { 0 };
	struct log_super super = {
		.magic = htole64(LOG_MAGIC),
		.version = htole64(LOG_VERSION),
		.entries = htole64(log_entries),
		.sector_size = htole32(SECTOR),
	};

	memcpy(sector, &super, sizeof(super));
	if (fseek(log_file, 0, SEEK_SET) || fwrite(sector, SECTOR, 1, log_file) != 1 ||
	    fflush(log_file) || fsync(fileno(log_file)))
		die("the log cannot be written");
}

/* Receive all of it; false: the kernel has hung up. */
static bool receive(int fd, void *to, size_t len)
{
	while (len) {
		ssize_t n = read(fd, to, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			die("reading a request");
		if (!n)
			return false;
		to = (char *)to + n;
		len -= n;
	}
	return true;
}

static void answer(int fd, const void *from, size_t len)
{
	while (len) {
		ssize_t n = write(fd, from, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			die("answering a request");
		from = (const char *)from + n;
		len -= n;
	}
}

/* One request, from its receipt to its answer; false: that was the last. */
static bool serve(int fd)
{
	struct nbd_request request;
	struct nbd_reply reply = { .magic = htobe32(NBD_REPLY_MAGIC) };
	uint64_t from, len;
	uint32_t type;

	if (!receive(fd, &request, sizeof(request)))
		return false;
	if (be32toh(request.magic) != NBD_REQUEST_MAGIC) {
		errno = EPROTO;
		die("that is no request");
	}
	type = be32toh(request.type);
	from = be64toh(request.from);
	len = be32toh(request.len);
	memcpy(reply.handle, request.handle, sizeof(reply.handle));
	if ((type & 0xffff) == NBD_CMD_DISC)
		return false;
	if (from > disk_size || len > disk_size - from) {
		errno = ERANGE;
		die("a request past the end");
	}
	switch (type & 0xffff) {
	case NBD_CMD_READ:
		answer(fd, &reply, sizeof(reply));
		answer(fd, disk + from, len);
		return true;
	case NBD_CMD_WRITE:
		if (!receive(fd, disk + from, len))
			return false;
		log_append(type & FLAG_FUA ? LOG_FUA : 0, from, disk + from, len);
		break;
	case NBD_CMD_FLUSH:
		log_append(LOG_FLUSH, 0, NULL, 0);
		break;
	default:
		reply.error = htobe32(EINVAL);
	}
	answer(fd, &reply, sizeof(reply));
	return true;
}

/* A mark; false: whoever sent them has gone. */
static bool mark(int fd)
{
	char text[SECTOR - sizeof(struct log_entry) - 1];
	ssize_t n = recv(fd, text, sizeof(text), 0);

	if (n <= 0)
		return false;
	log_append(LOG_MARK, 0, text, n);
	return send(fd, text, n, MSG_NOSIGNAL) == n;
}

static int listen_marks(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		die("%s", path);
	}
	strcpy(address.sun_path, path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, MARKERS_MAX))
		die("%s", path);
	return fd;
}

/* A process of its own holds the device: the ioctl returns when it is disconnected. */
static pid_t attach(int device, int kernel_end, int our_end)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid)
		return pid;
	close(our_end);
	signal(SIGTERM, SIG_IGN);
	ioctl(device, NBD_DO_IT);
	ioctl(device, NBD_CLEAR_QUE);
	ioctl(device, NBD_CLEAR_SOCK);
	_exit(0);
}

static void serve_all(int fd, int listener)
{
	struct pollfd p[2 + MARKERS_MAX] = {
		{ .fd = fd, .events = POLLIN }, { .fd = listener, .events = POLLIN },
	};
	const struct timespec at_once = { 0 };
	nfds_t n = 2, i;
	sigset_t none;

	sigemptyset(&none);
	for (;;) {
		/* One that asks for the end leaves nothing behind on the way. */
		if (ppoll(p, n, stopping ? &at_once : NULL, &none) < 0 && errno != EINTR)
			die("ppoll");
		if (p[0].revents && !serve(fd))
			return;
		if (stopping && !p[0].revents)
			return;
		for (i = 2; i < n; i++) {
			if (p[i].revents && !mark(p[i].fd)) {
				close(p[i].fd);
				p[i--] = p[--n];
			}
		}
		if (p[1].revents && n < 2 + MARKERS_MAX) {
			p[n].fd = accept(listener, NULL, NULL);
			p[n].events = POLLIN;
			p[n].revents = 0;
			if (p[n].fd >= 0)
				n++;
		}
		for (i = 0; i < n; i++)
			p[i].revents = 0;
	}
}

int main(int argc, char **argv)
{
	struct sigaction on_term = { .sa_handler = stop };
	const struct timespec moment = { .tv_nsec = 10000000 };
	unsigned long long capacity = 0;
	sigset_t term;
	int device, sockets[2], listener;
	pid_t attached;

	if (argc != 5) {
		fputs("usage: record DEVICE MIB LOG SOCKET\n", stderr);
		return 2;
	}
	disk_size = strtoull(argv[2], NULL, 10) << 20;
	/* What the kernel writes here must not wait for what it has yet to write here. */
	if (prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0))
		die("PR_SET_IO_FLUSHER");
	disk = mmap(NULL, disk_size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (disk == MAP_FAILED)
		die("no memory for a disk of %s MiB", argv[2]);
	log_file = fopen(argv[3], "r+e");
	if (!log_file || fseek(log_file, SECTOR, SEEK_SET))
		die("%s", argv[3]);
	device = open(argv[1], O_RDWR | O_CLOEXEC);
	if (device < 0)
		die("%s", argv[1]);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets))
		die("socketpair");
	if (ioctl(device, NBD_SET_BLKSIZE, (unsigned long)SECTOR) ||
	    ioctl(device, NBD_SET_SIZE_BLOCKS, (unsigned long)(disk_size / SECTOR)) ||
	    ioctl(device, NBD_CLEAR_SOCK) || ioctl(device, NBD_SET_SOCK, sockets[0]) ||
	    ioctl(device, NBD_SET_FLAGS, (unsigned long)(NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_FLUSH |
							 NBD_FLAG_SEND_FUA)))
		die("%s cannot be set up", argv[1]);
	listener = listen_marks(argv[4]);
	attached = attach(device, sockets[0], sockets[1]);
	close(sockets[0]);
	/* Let in while there is nothing to do only. */
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	sigaction(SIGTERM, &on_term, NULL);
	/* The disk has its size once it is attached. */
	while (!ioctl(device, BLKGETSIZE64, &capacity) && !capacity) {
		if (waitpid(attached, NULL, WNOHANG))
			die("%s was not attached", argv[1]);
		nanosleep(&moment, NULL);
	}
	puts("ready");
	fflush(stdout);
	serve_all(sockets[1], listener);
	log_end();
	ioctl(device, NBD_DISCONNECT);
	close(sockets[1]);
	waitpid(attached, NULL, 0);
	return 0;
}
