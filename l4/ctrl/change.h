// SPDX-License-Identifier: BSD-3-Clause
// Changes of the running configuration, by reload or by lbctl. One at a time, all or nothing: what fails a check,
// or lb7d refuses, changes nothing. lb7d is asked first and lb4d takes over second, so a change may be under
// way for as long as lb7d reads certificates; who comes meanwhile waits for its turn. If lb7d is away the
// change is made without it, and it is told when it is back.
// Control thread only.
#pragma once

#include "l4/base/err.h"
#include "l4/ctrl/control.h"

enum { CHANGE_LATER = 1 };

// Who wants to know how a change went.
struct change_ask {
	void (*done)(struct change_ask *ask, int rc, const struct err *err);
};

// Who waits for the change under way to be over.
struct change_turn {
	void (*run)(struct change_turn *turn);
	struct change_turn *next;
	bool is_waiting;
};

// 0 or -ENOMEM; part of control_init() and control_fini().
NODISCARD int change_open(struct change **out, struct control *c);
void change_close(struct change *ch);

bool change_is_under_way(const struct control *c);

// `turn` runs when no change is under way. Not twice at a time.
void change_wait(struct control *c, struct change_turn *turn);
// It does not want any more.
void change_leave(struct control *c, struct change_turn *turn);

// Reads the file again and applies it. 0, a refusal (-errno, *err), or CHANGE_LATER: `ask` will be told, unless it
// is NULL. Counts, logs, remembers a refusal in control.last_error. No change may be under way.
NODISCARD int change_reload(struct control *c, struct change_ask *ask, struct err *err);

// The same for an edited clone of c->conf (consumed); is_saved becomes false.
NODISCARD int change_edit(struct control *c, struct conf *next, struct change_ask *ask,
                          struct err *err);

// `ask` is not interested any more; the change goes on.
void change_forget(struct control *c, const struct change_ask *ask);

// An edit that cannot be made: counts, logs, remembers it in last_error. Returns err->code.
int change_refuse(struct control *c, struct err *err);
