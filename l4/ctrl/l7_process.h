// SPDX-License-Identifier: BSD-3-Clause
// The process of lb7d: started beside our own program, or found running. Watched by a pidfd, which names the very
// process whatever happens to its number, and becomes readable when it ends.
#pragma once

#include <sched.h>
#include <sys/types.h>

#include "l4/base/err.h"

struct l7_process {
	pid_t pid; // 0 = none
	int pidfd;
	bool is_child; // ours to reap; others end without telling how
};

struct l7_program {
	const char *path;
	const char *conf_file;
	const char *control;   // where it listens
	const cpu_set_t *cpus; // where it may run, NULL = where we may
};

// Starts `path -c conf_file --managed --control control`, which reads nothing of the file, so that it may be broken by now,
// in a process group of its own, so that Ctrl-C reaches only us, with standard input, output and error and no other
// descriptor of ours: an AF_XDP socket that it kept would hold the queue after our end. 0, or -errno with *err.
NODISCARD int l7_process_spawn(struct l7_process *out, const struct l7_program *program,
                               struct err *err);

// Watches a process that somebody else started. 0 or -errno; -ESRCH: it has ended.
NODISCARD int l7_process_adopt(struct l7_process *out, pid_t pid);

// Without effect on one that has ended.
void l7_process_signal(const struct l7_process *p, int number);

// Once its pidfd is readable: reaps it and forgets it. `reason` says how it ended.
void l7_process_end(struct l7_process *p, char *reason, size_t size);

// Forgets it, whether it lives or not.
void l7_process_forget(struct l7_process *p);

// Whether it is in the same network namespace as we are; true if that cannot be told.
bool l7_process_shares_network(pid_t pid);

// The file `name` in the folder of the running program; free() it. NULL if that cannot be told.
char *l7_process_beside(const char *name);
