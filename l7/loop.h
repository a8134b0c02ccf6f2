// SPDX-License-Identifier: BSD-3-Clause
// The event loop of one thread: descriptors (io.h), timers, things to do at the end of a turn, messages from other
// threads. A turn:
//   1. wait for events, or the next timer;
//   2. each descriptor with something to do, once (io.c); what it wrote leaves before the next one's turn (`flush`);
//   3. due timers;
//   4. messages from other threads;
//   5. deferred tasks: here memory of the closed is freed, so that nobody in 2..4 meets a dangling pointer.
// One thread owns it; loop_post() alone is for others.
#pragma once

#include <pthread.h>

#include "l4/base/clock.h"
#include "l4/base/err.h"
#include "l7/buf.h"
#include "l7/slab.h"
#include "l7/timer.h"

enum {
	LOOP_RECEIVE_SIZE = 65536, // bytes taken from a socket at once
	LOOP_EVENTS = 256,         // descriptors looked at in a turn
};

struct io;
struct gather;

struct loop_task {
	struct loop_task *next;
	void (*run)(struct loop_task *task);
	bool is_deferred; // by loop_defer(), and has not run
};

struct io_list {
	struct io *first, *last;
};

struct loop {
	int epoll_fd;
	int wake_fd;               // eventfd: there is a message
	uint64_t now_ns;           // monotonic, of this turn's beginning
	uint64_t read_ns, sent_ns; // loop_read_ns(), loop_sent_ns(); 0 = nobody has asked
	struct timer_wheel timers;
	struct buf_pool bufs;
	struct slab slab;
	uint8_t *received;                    // [LOOP_RECEIVE_SIZE], what io.c receives into
	struct io_list ready;                 // have something to do without a new event
	struct io_list starved;               // would receive, but the budget of buffers is used up
	struct loop_task *tasks, **tasks_end; // deferred, in order
	struct gather *gather;                // conn.c's
	void (*flush)(struct loop *loop);     // sends what was gathered; may be NULL
	bool is_stopped;
	pthread_mutex_t lock; // of inbox
	struct loop_task *inbox, **inbox_end;
};

// `budget`: bytes of buffers. 0, -ENOMEM or what epoll_create(2), eventfd(2) said. The loop must not move.
NODISCARD int loop_init(struct loop *loop, size_t budget);
// Everything opened in it must be closed; deferred tasks are run.
void loop_fini(struct loop *loop);

void loop_run(struct loop *loop); // until loop_stop()
void loop_turn(struct loop *loop, int most_ms);
void loop_stop(struct loop *loop); // after this turn

// Runs the task at the end of the turn, once, however often this was called before. The task's memory is its owner's, until it runs;
// all zero but `run` at first.
void loop_defer(struct loop *loop, struct loop_task *task);

// Nothing was deferred since this task was, which has not run.
static inline bool loop_is_last(const struct loop *loop, const struct loop_task *task)
{
	return loop->tasks_end == &task->next;
}

// From any thread: the task runs in the loop's thread, in the order of posting.
void loop_post(struct loop *loop, struct loop_task *task);

// Moments that are known better than by now_ns, while the clock, which costs more than most of what is asked for them, is read
// no more than once for each: when the present callback's bytes were taken up, and when what was sent last was with the kernel.
static inline uint64_t loop_read_ns(struct loop *loop)
{
	if (!loop->read_ns)
		loop->read_ns = clock_now_ns();
	return loop->read_ns;
}

static inline uint64_t loop_sent_ns(struct loop *loop)
{
	if (!loop->sent_ns)
		loop->sent_ns = clock_now_ns();
	return loop->sent_ns;
}

// From this turn's beginning; the wheel itself stands just before what is due, if the loop is late, until step 3.
static inline void loop_timer_start(struct loop *loop, struct timer *t, uint64_t delay_ms)
{
	timer_start(&loop->timers, t,
	            loop->now_ns / CLOCK_NS_PER_MS - loop->timers.now_ms + delay_ms);
}

static inline void loop_timer_stop(struct loop *loop, struct timer *t)
{
	timer_stop(&loop->timers, t);
}
