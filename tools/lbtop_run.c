// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbtop_run.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "l4/base/clock.h"
#include "tools/lbtop_json.h"
#include "tools/lbtop_screen.h"

enum { DONE, NO }; // exit status

static volatile sig_atomic_t is_told_to_stop;

static void on_signal(int number)
{
	is_told_to_stop = number;
}

static void catch_signals(void)
{
	const int stops[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = on_signal};

	for (size_t i = 0; i < ARRAY_LEN(stops); i++)
		sigaction(stops[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN); // a write that fails says so
}

static int complain(const char *sentence)
{
	fflush(stdout);
	fprintf(stderr, "lbtop: %s\n", sentence);
	return NO;
}

// --- samples ---

// The next sample into the model; at the end of a record, or without one, the model says why not.
static int take(struct lbtop_run *r)
{
	struct lbtop_sample *s = NULL;
	struct err err = {0};
	int rc;

	if (r->is_replay)
		rc = lbtop_record_next(&r->replay, &s, &err);
	else
		rc = lbtop_source_take(&r->source, &s, &err);
	if (rc) {
		lbtop_model_miss(&r->model, &err);
		return rc;
	}
	if (!s) {
		r->has_ended = true;
		return 0;
	}
	rc = lbtop_record_add(&r->record, s, &err);
	if (rc)
		snprintf(r->view.note, sizeof(r->view.note), "%s", err.msg);
	if (r->view.is_paused)
		lbtop_sample_free(s);
	else
		lbtop_model_push(&r->model, s);
	return rc;
}

static void sleep_ms(uint32_t ms)
{
	struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	if (!is_told_to_stop)
		nanosleep(&time, NULL);
}

// --- once ---

static int print_page(struct lbtop_run *r, int width)
{
	struct lbtop_grid g;
	int rc;

	r->view.is_full = true;
	if (lbtop_grid_init(&g, width, lbtop_view_height(&r->view, &r->model)))
		return complain("out of memory");
	rc = lbtop_view_draw(&r->view, &r->model, &g);
	if (!rc)
		rc = lbtop_grid_print(&g, stdout, r->is_utf8);
	lbtop_grid_fini(&g);
	return rc ? complain("cannot write the page") : DONE;
}

int lbtop_run_once(struct lbtop_run *r, int width)
{
	uint32_t n = r->count ? r->count : r->is_replay ? UINT32_MAX : 2;

	catch_signals();
	for (uint32_t i = 0; i < n && !r->has_ended && !is_told_to_stop; i++) {
		if (i && !r->is_replay)
			sleep_ms(r->interval_ms);
		if (take(r))
			return complain(r->model.err.code ? r->model.err.msg : r->view.note);
	}
	if (!r->model.now)
		return complain("the record has no sample");
	return print_page(r, width);
}

// --- json ---

static uint64_t time_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * CLOCK_NS_PER_S + (uint64_t)now.tv_nsec;
}

static int print_object(struct lbtop_run *r)
{
	char *line = r->model.err.code ? lbtop_json_encode_error(&r->model.err, time_ns())
	                               : lbtop_json_encode(&r->model);

	if (!line)
		return complain("out of memory");
	errno = 0;
	fputs(line, stdout);
	fflush(stdout);
	free(line);
	if (!ferror(stdout))
		return DONE;
	return errno == EPIPE ? NO : complain("cannot write"); // who closed a pipe knows why
}

// A reader that is away goes on where it was; a record that cannot be read does not get better.
int lbtop_run_json(struct lbtop_run *r)
{
	uint64_t due_ns = clock_now_ns();

	catch_signals();
	for (uint32_t n = 0; !is_told_to_stop && (!r->count || n < r->count); n++) {
		uint64_t now_ns = clock_now_ns();

		if (!r->is_replay && now_ns < due_ns)
			sleep_ms((uint32_t)((due_ns - now_ns) / CLOCK_NS_PER_MS));
		if (is_told_to_stop)
			break;
		due_ns += r->interval_ms * CLOCK_NS_PER_MS;
		if (take(r) && (r->is_replay || *r->view.note))
			return complain(r->is_replay ? r->model.err.msg : r->view.note);
		if (r->has_ended)
			break;
		if (print_object(r))
			return NO;
	}
	return DONE;
}

// --- screen ---

static int draw(struct lbtop_run *r)
{
	struct lbtop_grid g;
	int width, height, rc;

	lbtop_screen_size(&width, &height);
	rc = lbtop_grid_init(&g, width < 1 ? 1 : width, height < 1 ? 1 : height);
	if (rc)
		return rc;
	rc = lbtop_view_draw(&r->view, &r->model, &g);
	if (!rc)
		lbtop_screen_show(&g);
	lbtop_grid_fini(&g);
	return rc;
}

static void tick(struct lbtop_run *r)
{
	if (r->is_replay && (r->has_ended || r->model.err.code || r->view.is_paused))
		return;
	// A failure is on the screen: in place of figures, or in the last line.
	if (take(r) == 0 && r->has_ended)
		snprintf(r->view.note, sizeof(r->view.note), "the record ends here%s",
		         r->replay.is_cut ? ", in the middle of a sample" : "");
}

// Keys until the next sample is due. Each is seen at once.
static int read_keys(struct lbtop_run *r, uint64_t due_ns)
{
	for (uint64_t now_ns = clock_now_ns();
	     now_ns < due_ns && !r->view.has_quit && !is_told_to_stop; now_ns = clock_now_ns()) {
		uint8_t interval = r->view.interval;
		bool is_gone = false;
		int key =
			lbtop_screen_key((int)((due_ns - now_ns) / CLOCK_NS_PER_MS) + 1, &is_gone);
		int rc;

		if (is_gone)
			return -EIO;
		if (key == LBTOP_KEY_NONE)
			continue;
		if (key != LBTOP_KEY_RESIZE)
			lbtop_view_key(&r->view, &r->model, key);
		rc = draw(r);
		if (rc || r->view.interval != interval)
			return rc;
	}
	return 0;
}

static int loop(struct lbtop_run *r)
{
	uint64_t due_ns = clock_now_ns();
	int rc = 0;

	while (!rc && !r->view.has_quit && !is_told_to_stop) {
		uint64_t now_ns = clock_now_ns(), step_ns;

		step_ns = lbtop_view_intervals[r->view.interval] * CLOCK_NS_PER_MS;
		if (now_ns >= due_ns) {
			tick(r);
			due_ns += step_ns;
			due_ns = due_ns < now_ns ? now_ns + step_ns : due_ns; // it was asleep
		}
		due_ns = due_ns > now_ns + step_ns ? now_ns + step_ns : due_ns;
		rc = draw(r);
		if (!rc)
			rc = read_keys(r, due_ns);
	}
	return rc;
}

int lbtop_run_screen(struct lbtop_run *r)
{
	struct err err;
	int rc = lbtop_screen_open(r->is_colored, r->is_utf8, &err);

	if (rc)
		return complain(err.msg);
	catch_signals();
	rc = loop(r);
	lbtop_screen_close();
	if (rc == -ENOMEM)
		return complain("out of memory");
	return DONE;
}
