// SPDX-License-Identifier: GPL-2.0-or-later
/* Hearing of the kernel module's coming and going. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "netlink.h"

/**
 * ward_nl_watch_open - hear when netlink families come and go
 *
 * Generic netlink announces them in its multicast group "notify", whose number is that of
 * its own family, always.
 *
 * Return: a descriptor for poll(2), to be closed; or a negative errno.
 */
int ward_nl_watch_open(void)
{
	struct sockaddr_nl address = {
		.nl_family = AF_NETLINK,
		.nl_groups = 1U << (GENL_ID_CTRL - 1),
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_GENERIC);
	int ret;

	if (fd < 0)
		return -errno;
	if (!bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

/**
 * ward_nl_watch_drain - take note that something came or went
 * @fd: from ward_nl_watch_open()
 *
 * What it was is not looked at: whoever calls this asks the module anew, if it is there. So
 * nothing is lost either when too much was announced.
 */
void ward_nl_watch_drain(int fd)
{
	char part[256];
	ssize_t n;

	do {
		n = recv(fd, part, sizeof(part), 0);
	} while (n >= 0 || errno == EINTR || errno == ENOBUFS);
}
