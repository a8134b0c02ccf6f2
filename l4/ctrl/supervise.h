// SPDX-License-Identifier: BSD-3-Clause
// The life of lb7d. It is wanted if the configuration has a service for this host's L7 workers, a pool with a
// health check, or an admin address. Then:
//
//   connect --answered--> session (l7_session.h) --ready--> running --ended--> connect
//      | nobody listens                                        | the process ended
//      +--none that we know--> start it --ended--> back-off <--+
//      +--it lives, or listens soon--> connect, 10 ms later
//
// A lb7d that answers is adopted: one that an earlier lb4d left behind serves its connections all the while. One
// that was started and does not answer within ten seconds is killed; one that has served before never is. The
// back-off begins at 100 ms, doubles up to 10 s, and begins anew after ten seconds of life.
//
// Once started lb7d stays, also if a reload leaves nothing for it to do: its connections may go on. It ends
// with supervise_stop(), and outlives a lb4d that is killed.
// Control thread only.
#pragma once

#include "l4/base/err.h"
#include "l4/ctrl/l7_process.h"
#include "l4/ctrl/l7_session.h"

struct supervise;

struct supervise_setup {
	struct control *control;   // borrowed; its conf says what is wanted and where lb7d listens
	struct l7_program program; // its texts are borrowed; path and conf_file are absolute
	// l7_process_spawn() and l7_client_connect(), unless a test plays lb7d
	int (*spawn)(struct l7_process *out, const struct l7_program *program, struct err *err);
	int (*connect)(const char *path, pid_t *pid);
};

// Begins if lb7d is wanted. 0 or -ENOMEM.
NODISCARD int supervise_open(struct supervise **out, const struct supervise_setup *setup);
// Lets lb7d alone, whatever it does. NULL is fine, here and below.
void supervise_close(struct supervise *v);

// Offers lb7d a configuration, as l7_session_propose(); -ENOTCONN also where lb7d is not wanted.
NODISCARD int supervise_propose(struct supervise *v, const struct conf *next,
                                l7_session_answer *answer, void *data);

// The running configuration has changed; whether lb7d `agreed` to it.
void supervise_changed(struct supervise *v, bool agreed);

// Whether the running configuration wants lb7d, and it does not serve it.
bool supervise_is_behind(const struct supervise *v);

// Ends lb7d: it may finish its streams, for as long as its grace allows. `done` is called once, from the loop, or
// at once if there is none. Again: it is hurried, and killed a second later.
void supervise_stop(struct supervise *v, void (*done)(void *data), void *data);

// Fills *out (initial before) with what is known of lb7d. The caller frees its rows. 0 or -ENOMEM.
NODISCARD int supervise_status(const struct supervise *v, struct ctl_l7_status *out);

// Lets lb7d open its log files anew.
void supervise_hang_up(const struct supervise *v);

// Whether `conf` has anything for lb7d to do.
bool supervise_is_wanted(const struct conf *conf);
