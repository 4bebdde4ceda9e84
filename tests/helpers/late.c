// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a shell starts in the background starts late: for finding the tests that rely on its being quick, as it is
 * nearly always. Preloaded into every program of a test machine by tests/vm/run --late SECONDS.
 *
 * POSIX has a shell without job control ignore SIGINT and SIGQUIT in what it starts with `&' (Shell and Utilities,
 * 2.11), and dash does so by signal(3), in the new process and nowhere else.
 */
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned int late(void)
{
	char said[16] = "";
	FILE *f = fopen("/run/ward-vm/late", "r");

	if (!f)
		return 0;
	if (!fgets(said, sizeof(said), f))
		said[0] = '\0';
	fclose(f);
	return strtoul(said, NULL, 10);
}

__sighandler_t signal(int number, __sighandler_t handler)
{
	static __sighandler_t (*next)(int, __sighandler_t);

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "signal");
	if (number == SIGINT && handler == SIG_IGN && !strcmp(program_invocation_short_name, "sh"))
		sleep(late());
	return next(number, handler);
}
