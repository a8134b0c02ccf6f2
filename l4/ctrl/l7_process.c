// SPDX-License-Identifier: BSD-3-Clause
#include "l4/ctrl/l7_process.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FIRST_OF_OURS = 3 }; // descriptors from here on are not for it

static const short spawn_flags =
	POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;

// Signals as a program expects them: none blocked, none ignored.
static int set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	return posix_spawnattr_setsigmask(attributes, &none) ||
	                       posix_spawnattr_setsigdefault(attributes, &all) ||
	                       posix_spawnattr_setpgroup(attributes, 0) ||
	                       posix_spawnattr_setflags(attributes, spawn_flags)
	               ? -EINVAL
	               : 0;
}

static int spawn(pid_t *pid, const struct l7_program *program)
{
	static char conf_flag[] = "-c", managed[] = "--managed", control_flag[] = "--control";
	char *path = strdup(program->path), *file = strdup(program->conf_file);
	char *control = strdup(program->control);
	char *argv[] = {path, conf_flag, file, managed, control_flag, control, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int rc = -ENOMEM;

	if (!path || !file || !control || posix_spawn_file_actions_init(&actions))
		goto out;
	if (posix_spawnattr_init(&attributes))
		goto out_actions;
	rc = set_attributes(&attributes);
	if (!rc)
		rc = -posix_spawn_file_actions_addclosefrom_np(&actions, FIRST_OF_OURS);
	if (!rc)
		rc = -posix_spawn(pid, path, &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
out_actions:
	posix_spawn_file_actions_destroy(&actions);
out:
	free(path);
	free(file);
	free(control);
	return rc;
}

// A child inherits where its parent's thread may run, and DPDK pins ours to one core.
static int spawn_on(pid_t *pid, const struct l7_program *program)
{
	cpu_set_t own;
	int rc;

	if (!program->cpus || sched_getaffinity(0, sizeof(own), &own) != 0)
		return spawn(pid, program);
	sched_setaffinity(0, sizeof(*program->cpus), program->cpus);
	rc = spawn(pid, program);
	sched_setaffinity(0, sizeof(own), &own);
	return rc;
}

int l7_process_spawn(struct l7_process *out, const struct l7_program *program, struct err *err)
{
	struct l7_process p = {.is_child = true};
	int rc = spawn_on(&p.pid, program);

	if (rc)
		return err_set(err, rc, "cannot start %s: %s", program->path, strerror(-rc));
	p.pidfd = pidfd_open(p.pid, 0);
	if (p.pidfd < 0) {
		rc = -errno;
		kill(p.pid, SIGKILL);
		waitpid(p.pid, NULL, 0);
		return err_set(err, rc, "cannot watch %s: %s", program->path, strerror(-rc));
	}
	*out = p;
	return 0;
}

int l7_process_adopt(struct l7_process *out, pid_t pid)
{
	int pidfd = pidfd_open(pid, 0);

	if (pidfd < 0)
		return -errno;
	*out = (struct l7_process){.pid = pid, .pidfd = pidfd};
	return 0;
}

void l7_process_signal(const struct l7_process *p, int number)
{
	if (p->pid)
		pidfd_send_signal(p->pidfd, number, NULL, 0);
}

static void tell_end(const siginfo_t *info, char *reason, size_t size)
{
	if (info->si_code == CLD_EXITED)
		snprintf(reason, size, "exit status %d", info->si_status);
	else
		snprintf(reason, size, "killed by signal %d (%s)%s", info->si_status,
		         strsignal(info->si_status),
		         info->si_code == CLD_DUMPED ? ", core dumped" : "");
}

void l7_process_end(struct l7_process *p, char *reason, size_t size)
{
	siginfo_t info = {.si_pid = 0};

	snprintf(reason, size, "ended");
	if (p->is_child && waitid(P_PIDFD, (id_t)p->pidfd, &info, WEXITED | WNOHANG) == 0 &&
	    info.si_pid)
		tell_end(&info, reason, size);
	l7_process_forget(p);
}

void l7_process_forget(struct l7_process *p)
{
	if (p->pid)
		close(p->pidfd);
	*p = (struct l7_process){0};
}

bool l7_process_shares_network(pid_t pid)
{
	char path[64], theirs[64] = "", ours[64] = "";
	ssize_t n_theirs, n_ours;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	n_theirs = readlink(path, theirs, sizeof(theirs) - 1);
	n_ours = readlink("/proc/self/ns/net", ours, sizeof(ours) - 1);
	return n_theirs < 0 || n_ours < 0 || strcmp(theirs, ours) == 0;
}

char *l7_process_beside(const char *name)
{
	char own[PATH_MAX] = "", *slash, *path = NULL;

	if (readlink("/proc/self/exe", own, sizeof(own) - 1) < 0)
		return NULL;
	slash = strrchr(own, '/');
	if (!slash || asprintf(&path, "%.*s/%s", (int)(slash - own), own, name) < 0)
		return NULL;
	return path;
}
