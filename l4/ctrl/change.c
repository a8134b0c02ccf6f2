// SPDX-License-Identifier: BSD-3-Clause
#include "l4/ctrl/change.h"

#include <errno.h>
#include <stdlib.h>

#include "l4/base/clock.h"
#include "l4/base/log.h"
#include "l4/ctrl/supervise.h"

struct change {
	struct control *control;
	struct conf *next; // under way; owned; NULL = none
	bool is_reload;
	struct change_ask *ask; // NULL = nobody
	struct change_turn *first, **last;
};

int change_open(struct change **out, struct control *c)
{
	struct change *ch = calloc(1, sizeof(*ch));

	if (!ch)
		return -ENOMEM;
	ch->control = c;
	ch->last = &ch->first;
	*out = ch;
	return 0;
}

void change_close(struct change *ch)
{
	if (ch)
		conf_free(ch->next);
	free(ch);
}

// --- turns ---

bool change_is_under_way(const struct control *c)
{
	return c->change->next;
}

void change_wait(struct control *c, struct change_turn *turn)
{
	struct change *ch = c->change;

	turn->next = NULL;
	turn->is_waiting = true;
	*ch->last = turn;
	ch->last = &turn->next;
}

void change_leave(struct control *c, struct change_turn *turn)
{
	struct change *ch = c->change;
	struct change_turn **at = &ch->first;

	if (!turn->is_waiting)
		return;
	turn->is_waiting = false;
	while (*at != turn)
		at = &(*at)->next;
	*at = turn->next;
	if (!*at)
		ch->last = at;
}

static void next_turns(struct change *ch)
{
	while (!ch->next && ch->first) {
		struct change_turn *turn = ch->first;

		change_leave(ch->control, turn);
		turn->run(turn);
	}
}

// --- outcomes ---

static int refuse(struct control *c, const char *what, const struct err *err)
{
	c->last_error = *err;
	err_prefix(&c->last_error, "%s refused", what);
	LOG_WARN("%s refused reason=\"%s\" serving_generation=%u", what, err->msg, c->generation);
	return err->code;
}

int change_refuse(struct control *c, struct err *err)
{
	c->n_edit_failures++;
	return refuse(c, "change", err);
}

static int refuse_reload(struct control *c, const struct err *err)
{
	c->n_reload_failures++;
	return refuse(c, "reload", err);
}

static void note_reload(struct control *c)
{
	c->is_saved = true;
	c->n_reloads++;
	c->reloaded_ns = clock_now_ns();
	c->last_error = (struct err){0};
	LOG_INFO("reloaded file=%s generation=%u", c->conf_file, c->generation);
}

// The change is over, one way or the other.
static int finish(struct control *c, bool is_reload, int rc, struct err *err)
{
	if (rc && is_reload) {
		err_prefix(err, "%s", c->conf_file);
		return refuse_reload(c, err);
	}
	if (rc)
		return change_refuse(c, err);
	if (is_reload) {
		note_reload(c);
		return 0;
	}
	c->is_saved = false;
	LOG_INFO("changed generation=%u saved=no", c->generation);
	return 0;
}

// Takes over `next` (consumed), to which lb7d `agreed` or was not asked.
static int take_over(struct control *c, struct conf *next, bool agreed, struct err *err)
{
	int rc = control_apply(c, next, err);

	// After a failure lb7d has to go back to what goes on running.
	supervise_changed(c->supervise, rc ? !agreed : agreed);
	if (!rc && !agreed && supervise_is_behind(c->supervise))
		LOG_WARN("lb7d not asked reason=\"it does not answer\" generation=%u",
		         c->generation);
	return rc;
}

// --- the way of a change ---

// What lb7d says of the one under way.
static void on_answer(void *data, int rc, const struct err *said)
{
	struct change *ch = data;
	struct control *c = ch->control;
	struct conf *next = ch->next;
	struct change_ask *ask = ch->ask;
	struct err err = *said;

	ch->next = NULL;
	ch->ask = NULL;
	if (rc == -EINVAL) {
		conf_free(next);
		err.code = rc;
	} else {
		rc = take_over(c, next, rc == 0, &err);
	}
	rc = finish(c, ch->is_reload, rc, &err);
	if (ask)
		ask->done(ask, rc, &err);
	next_turns(ch);
}

// `next` is consumed; *ask NULL or told later.
static int begin(struct control *c, struct conf *next, struct change_ask *ask, bool is_reload,
                 struct err *err)
{
	struct change *ch = c->change;
	// What lb4d itself would refuse is nothing to bother lb7d with.
	int rc = conf_check_reload(c->conf, next, err);

	if (rc) {
		conf_free(next);
		return finish(c, is_reload, rc, err);
	}
	rc = supervise_propose(c->supervise, next, on_answer, ch);
	if (!rc) {
		ch->next = next;
		ch->ask = ask;
		ch->is_reload = is_reload;
		return CHANGE_LATER;
	}
	if (rc == -ENOMEM) {
		conf_free(next);
		err_set(err, rc, "no memory to ask lb7d");
	} else {
		rc = take_over(c, next, false, err);
	}
	return finish(c, is_reload, rc, err);
}

int change_reload(struct control *c, struct change_ask *ask, struct err *err)
{
	struct conf *next;
	int rc = conf_load(&next, c->conf_file, err);

	return rc ? refuse_reload(c, err) : begin(c, next, ask, true, err);
}

int change_edit(struct control *c, struct conf *next, struct change_ask *ask, struct err *err)
{
	int rc = conf_check(next, err);

	if (!rc)
		return begin(c, next, ask, false, err);
	conf_free(next);
	return change_refuse(c, err);
}

void change_forget(struct control *c, const struct change_ask *ask)
{
	if (c->change->ask == ask)
		c->change->ask = NULL;
}
