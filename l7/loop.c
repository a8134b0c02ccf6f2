// SPDX-License-Identifier: BSD-3-Clause
#include "l7/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "l4/base/clock.h"
#include "l7/io.h"

enum { WAIT_MOST_MS = 3600 * 1000 };

static void see_clock(struct loop *loop)
{
	loop->now_ns = clock_now_ns();
	loop->read_ns = loop->now_ns; // whoever is first has been waited for
	loop->sent_ns = 0;
}

int loop_init(struct loop *loop, size_t budget)
{
	struct epoll_event wake = {.events = EPOLLIN, .data.ptr = NULL};
	int rc;

	*loop = (struct loop){.epoll_fd = -1, .wake_fd = -1};
	loop->bufs.budget = budget;
	loop->inbox_end = &loop->inbox;
	loop->tasks_end = &loop->tasks;
	pthread_mutex_init(&loop->lock, NULL);
	loop->received = malloc(LOOP_RECEIVE_SIZE);
	if (!loop->received)
		return -ENOMEM;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->epoll_fd < 0 || loop->wake_fd < 0 ||
	    epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->wake_fd, &wake)) {
		rc = -errno;
		loop_fini(loop);
		return rc;
	}
	see_clock(loop);
	loop->timers.now_ms = loop->now_ns / CLOCK_NS_PER_MS;
	return 0;
}

static void flush(struct loop *loop)
{
	if (loop->flush)
		loop->flush(loop);
}

static void run_tasks(struct loop *loop)
{
	while (loop->tasks) {
		struct loop_task *task = loop->tasks;

		loop->tasks = task->next;
		if (!loop->tasks)
			loop->tasks_end = &loop->tasks;
		task->is_deferred = false;
		loop->read_ns = 0;
		task->run(task);
		flush(loop);
	}
}

void loop_fini(struct loop *loop)
{
	run_tasks(loop);
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	if (loop->wake_fd >= 0)
		close(loop->wake_fd);
	buf_fini(&loop->bufs);
	slab_fini(&loop->slab);
	free(loop->received);
	pthread_mutex_destroy(&loop->lock);
	loop->epoll_fd = loop->wake_fd = -1;
	loop->received = NULL;
}

void loop_defer(struct loop *loop, struct loop_task *task)
{
	if (task->is_deferred)
		return; // linked in twice it would cut off those behind it
	task->is_deferred = true;
	task->next = NULL;
	*loop->tasks_end = task;
	loop->tasks_end = &task->next;
}

void loop_post(struct loop *loop, struct loop_task *task)
{
	uint64_t one = 1;

	task->next = NULL;
	pthread_mutex_lock(&loop->lock);
	*loop->inbox_end = task;
	loop->inbox_end = &task->next;
	pthread_mutex_unlock(&loop->lock);
	// The counter cannot overflow, so that a failure means that a wake-up is pending anyway.
	if (write(loop->wake_fd, &one, sizeof(one)) < 0)
		return;
}

static void read_inbox(struct loop *loop)
{
	struct loop_task *task, *next;
	uint64_t count;

	if (read(loop->wake_fd, &count, sizeof(count)) < 0)
		return;
	pthread_mutex_lock(&loop->lock);
	task = loop->inbox;
	loop->inbox = NULL;
	loop->inbox_end = &loop->inbox;
	pthread_mutex_unlock(&loop->lock);
	for (; task; task = next) {
		next = task->next;
		loop->read_ns = 0;
		task->run(task);
	}
}

static int wait_ms(struct loop *loop, int most_ms)
{
	if (loop->ready.first || (loop->starved.first && !buf_is_full(&loop->bufs)))
		return 0;
	return (int)timer_wait_ms(&loop->timers, (uint64_t)most_ms);
}

void loop_turn(struct loop *loop, int most_ms)
{
	struct epoll_event events[LOOP_EVENTS];
	int n = epoll_wait(loop->epoll_fd, events, LOOP_EVENTS, wait_ms(loop, most_ms));
	bool has_mail = false;

	see_clock(loop);
	timer_catch_up(&loop->timers, loop->now_ns / CLOCK_NS_PER_MS);
	for (int i = 0; i < n; i++) {
		if (!events[i].data.ptr)
			has_mail = true;
		else
			io_event(events[i].data.ptr, events[i].events);
	}
	io_run_ready(loop);
	loop->read_ns = 0;
	timer_run(&loop->timers, loop->now_ns / CLOCK_NS_PER_MS);
	flush(loop);
	if (has_mail)
		read_inbox(loop);
	flush(loop);
	run_tasks(loop);
}

void loop_run(struct loop *loop)
{
	while (!loop->is_stopped)
		loop_turn(loop, WAIT_MOST_MS);
}

void loop_stop(struct loop *loop)
{
	loop->is_stopped = true;
}
