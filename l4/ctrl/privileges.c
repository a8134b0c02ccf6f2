// SPDX-License-Identifier: BSD-3-Clause
// Linux keeps capabilities for each thread, and libcap-ng changes those of the calling one only, while DPDK's
// threads inherited all of them at start. So each thread is asked by a signal to drop its own, as libpsx does.
#include "l4/ctrl/privileges.h"

#include <dirent.h>
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "l4/base/clock.h"
#include "l4/base/log.h"

enum { WAIT_MS = 1000 };

// X(NAME, name)
#define KEPT(X)                                                                                   \
	X(NET_ADMIN, net_admin)       /* NTF_USE; taking the XDP program and the TAP off again */ \
	X(NET_RAW, net_raw)           /* af_packet; sockets bound to a device */                  \
	X(BPF, bpf)                   /* maps, before Linux 6.0 */                                \
	X(IPC_LOCK, ipc_lock)         /* DPDK's memory may grow */                                \
	X(DAC_OVERRIDE, dac_override) /* reload and save, whoever the configuration belongs to */ \
	X(CHOWN, chown)               /* likewise: it keeps its owner and mode */                 \
	X(FOWNER, fowner)                                                                         \
	X(NET_BIND_SERVICE, net_bind_service) /* lb7d's ports */

#define X(NAME, name) | 1ull << CAP_##NAME
static const uint64_t kept = 0 KEPT(X);
#undef X

static unsigned n_dropped; // threads; atomic, counted by their signal handlers

static uint64_t read_permitted(struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

	memset(data, 0, 2 * sizeof(*data));
	if (syscall(SYS_capget, &header, data) != 0)
		return 0;
	return (uint64_t)data[1].permitted << 32 | data[0].permitted;
}

// The calling thread's. Nothing but system calls: it runs in a signal handler.
static void drop_own(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	for (unsigned cap = 0; cap < 64; cap++)
		if (!(kept >> cap & 1))
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	read_permitted(data);
	for (int i = 0; i < 2; i++) {
		uint32_t mask = (uint32_t)(kept >> 32 * i);

		data[i].permitted &= mask;
		data[i].effective &= mask;
		data[i].inheritable &= mask;
	}
	syscall(SYS_capset, &header, data);
}

static void on_signal(int number)
{
	int saved = errno;

	drop_own();
	__atomic_add_fetch(&n_dropped, 1, __ATOMIC_RELEASE);
	errno = saved;
}

// Whether the thread can be asked: the kernel's own helpers (vhost) cannot, and run none of our code.
static bool takes_signal(const char *tid, int number)
{
	unsigned long long blocked = ~0ull;
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%.20s/status", tid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "SigBlk: %llx", &blocked) == 1)
			break;
	if (f)
		fclose(f);
	return !(blocked >> (number - 1) & 1);
}

// Returns how many threads were asked.
static unsigned ask_others(int number)
{
	DIR *tasks = opendir("/proc/self/task");
	const struct dirent *entry;
	unsigned n = 0;

	// cppcheck-suppress readdirCalled ; nobody else reads this stream
	while (tasks && (entry = readdir(tasks))) {
		pid_t tid = atoi(entry->d_name);

		if (tid <= 0 || tid == gettid() || !takes_signal(entry->d_name, number))
			continue;
		n += syscall(SYS_tgkill, getpid(), tid, number) == 0;
	}
	if (tasks)
		closedir(tasks);
	return n;
}

static bool wait_for(unsigned n)
{
	struct timespec ms = {.tv_nsec = (long)CLOCK_NS_PER_MS};

	for (int i = 0; i < WAIT_MS && __atomic_load_n(&n_dropped, __ATOMIC_ACQUIRE) < n; i++)
		nanosleep(&ms, NULL);
	return __atomic_load_n(&n_dropped, __ATOMIC_ACQUIRE) >= n;
}

// The names of those of `set` that we keep, as the log has them.
static const char *list(char out[128], uint64_t set)
{
	size_t len = 0;

	out[0] = '\0';
#define X(NAME, name)              \
	if (set >> CAP_##NAME & 1) \
		len += (size_t)snprintf(out + len, 128 - len, "%s" #name, len ? "," : "");
	KEPT(X)
#undef X
	return len ? out : "none";
}

static bool has_pci(const struct conf *conf)
{
	for (uint16_t i = 0; i < conf->n_ports; i++)
		if (conf->ports[i].driver == DRIVER_PCI)
			return true;
	return false;
}

void privileges_drop(const struct conf *conf)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	struct __user_cap_data_struct data[2];
	int number = SIGRTMIN;
	char names[128];
	unsigned n;

	if (has_pci(conf) || !(read_permitted(data) & ~kept))
		return;
	if (sigaction(number, &action, NULL) != 0)
		return;
	n = ask_others(number);
	drop_own();
	if (wait_for(n))
		LOG_INFO("privileges dropped threads=%u kept=%s", n + 1,
		         list(names, read_permitted(data)));
	else
		LOG_WARN("privileges not dropped by all threads threads=%u dropped=%u", n,
		         n_dropped);
}
