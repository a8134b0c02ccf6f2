// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/stats_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "l4/base/hash.h"

enum { TEXT_SIZE = 1024 }; // of /proc/PID/stat, about 350 bytes

// A file of /proc in one read, as text. False: it cannot be read.
static bool read_text(const char *path, char text[TEXT_SIZE])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, TEXT_SIZE - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	return true;
}

static uint64_t boot_of_kernel(void)
{
	char text[TEXT_SIZE];

	return read_text("/proc/sys/kernel/random/boot_id", text)
	               ? hash_bytes(text, strlen(text), 1)
	               : 0;
}

// A /proc of another namespace than ours, as a container may have it, knows us by another number or not at all.
static bool is_proc_ours(void)
{
	char text[32];
	ssize_t n = readlink("/proc/self", text, sizeof(text) - 1);

	if (n <= 0)
		return false;
	text[n] = '\0';
	return strtol(text, NULL, 10) == getpid();
}

// 0 = not known. Kernels before 5.6 have no time namespaces, which is one and the same.
static uint64_t home_of_process(void)
{
	struct stat pid_ns, time_ns = {0};

	if (!is_proc_ours() || stat("/proc/self/ns/pid", &pid_ns) < 0)
		return 0;
	if (stat("/proc/self/ns/time", &time_ns) < 0 && errno != ENOENT)
		return 0;
	return hash_mix(pid_ns.st_ino, time_ns.st_ino, 1);
}

struct process {
	char state;     // proc(5): 'R' 'S' ... 'Z'
	uint64_t start; // clock ticks since the boot
};

// Field 2 is the program's name, which may have blanks and parentheses.
static bool read_process(uint32_t pid, struct process *out)
{
	char path[32], text[TEXT_SIZE];
	const char *rest;
	unsigned long long start;
	char state;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	if (!read_text(path, text))
		return false;
	rest = strrchr(text, ')');
	if (!rest || sscanf(rest + 1,
	                    " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
	                    "%*s %*s %llu",
	                    &state, &start) != 2)
		return false;
	*out = (struct process){.state = state, .start = start};
	return true;
}

void stats_writer_enter(struct stats_writer *w, uint32_t pid)
{
	struct process p = {0};

	__atomic_store_n(&w->pid, 0, __ATOMIC_RELEASE);
	w->boot = boot_of_kernel();
	w->home = home_of_process();
	w->start = w->home && read_process(pid, &p) ? p.start : 0;
	__atomic_store_n(&w->pid, pid, __ATOMIC_RELEASE);
}

void stats_writer_leave(struct stats_writer *w)
{
	__atomic_store_n(&w->pid, 0, __ATOMIC_RELEASE);
}

// The process that has the number now, if its /proc entry is to be seen: mount option hidepid hides those of others.
static enum stats_writer_life judge(const struct stats_writer *w)
{
	struct process p;

	if (!read_process(w->pid, &p))
		return kill((pid_t)w->pid, 0) < 0 && errno == ESRCH ? STATS_WRITER_DEAD
		                                                    : STATS_WRITER_UNKNOWN;
	if (p.state == 'Z' || p.state == 'X')
		return STATS_WRITER_DEAD;
	if (!w->start)
		return STATS_WRITER_UNKNOWN;
	return p.start == w->start ? STATS_WRITER_ALIVE : STATS_WRITER_DEAD;
}

enum stats_writer_life stats_writer_life(const struct stats_writer *w)
{
	struct stats_writer is = *w; // as it may change meanwhile
	uint64_t home, boot;

	is.pid = __atomic_load_n(&w->pid, __ATOMIC_ACQUIRE);
	if (is.pid == 0)
		return STATS_WRITER_STOPPED;
	if (is.pid > INT32_MAX)
		return STATS_WRITER_DEAD; // no process has such a number
	home = home_of_process();
	if (!home || home != is.home)
		return STATS_WRITER_UNKNOWN;
	boot = boot_of_kernel();
	if (boot && is.boot && boot != is.boot)
		return STATS_WRITER_DEAD;
	return judge(&is);
}
