// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/stats_l7_store.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

// A store of this test's own.
static char dir[64];
static char shm[STATS_DIR_SIZE];

static void setup(void)
{
	snprintf(dir, sizeof(dir), "/unit-test-l7/%d", (int)getpid());
	cr_assert_eq(stats_shm_dir(shm, dir), 0);
}

static void teardown(void)
{
	char command[STATS_DIR_SIZE + 16];

	snprintf(command, sizeof(command), "rm -rf '%s'", shm);
	cr_expect_eq(system(command), 0);
}

TestSuite(stats_l7_store, .init = setup, .fini = teardown);

static const struct stats_l7_room small = {
	.n_workers = 2, .n_services = 4, .n_backends = 8, .n_models = 4};

static struct stats_l7 open_writer(const struct stats_l7_room *room)
{
	struct stats_l7 s;
	struct err err;

	cr_assert_eq(stats_l7_store_open_shm(&s, dir, room, &err), 0, "%s", err.msg);
	stats_l7_store_announce(&s, "edge", room->n_workers, 4711);
	return s;
}

static struct stats_l7 open_reader(void)
{
	struct stats_l7 s;
	struct err err;

	cr_assert_eq(stats_l7_open(&s, dir, &err), 0, "%s", err.msg);
	return s;
}

// Something in every region, at its far end.
static void fill(struct stats_l7 *s)
{
	uint32_t w = s->room.n_workers - 1, service = s->room.n_services - 1;
	uint32_t backend = s->room.n_backends - 1, model = s->room.n_models - 1;

	s->workers[w].requests = 1;
	s->services[stats_l7_service_at(s, w, service)].bytes_out = 2;
	s->services[stats_l7_service_at(s, 0, service)].bytes_out = 20;
	s->backends[stats_l7_backend_at(s, w, backend)].failures = 3;
	stats_histogram_record(&s->service_times[stats_l7_service_at(s, w, service)].delay_added,
	                       5000);
	stats_histogram_record(&s->backend_times[stats_l7_backend_at(s, w, backend)].connect_time,
	                       7000);
	s->models[stats_l7_model_at(s, w, model)].tokens_out = 4;
	stats_histogram_record(&s->model_times[stats_l7_model_at(s, w, model)].ttft, 9000);
	snprintf(s->model_names[model].name, STATS_NAME_SIZE, "gpt");
	snprintf(s->service_names[service].name, STATS_NAME_SIZE, "last");
	snprintf(s->backend_names[backend].name, STATS_NAME_SIZE, "least");
}

static void expect_filled(const struct stats_l7 *s, const struct stats_l7_room *was)
{
	struct worker_counters worker;
	struct l7_service_counters service;
	struct l7_backend_counters backend;
	struct l7_service_histograms service_times;
	struct l7_backend_histograms backend_times;
	struct l7_model_counters model;
	struct l7_model_histograms model_times;

	stats_l7_sum_model(s, was->n_models - 1, &model);
	stats_l7_sum_model_times(s, was->n_models - 1, &model_times);
	cr_expect_eq(model.tokens_out, 4);
	cr_expect_eq(model_times.ttft.sum_ns, 9000);
	cr_expect_str_eq(s->model_names[was->n_models - 1].name, "gpt");
	stats_l7_sum_workers(s, &worker);
	stats_l7_sum_service(s, was->n_services - 1, &service);
	stats_l7_sum_backend(s, was->n_backends - 1, &backend);
	stats_l7_sum_service_times(s, was->n_services - 1, &service_times);
	stats_l7_sum_backend_times(s, was->n_backends - 1, &backend_times);
	cr_expect_eq(worker.requests, 1);
	cr_expect_eq(service.bytes_out, 22);
	cr_expect_eq(backend.failures, 3);
	cr_expect_eq(service_times.delay_added.sum_ns, 5000);
	cr_expect_eq(stats_histogram_count(&service_times.delay_added), 1);
	cr_expect_eq(backend_times.connect_time.sum_ns, 7000);
	cr_expect_str_eq(s->service_names[was->n_services - 1].name, "last");
	cr_expect_str_eq(s->backend_names[was->n_backends - 1].name, "least");
}

Test(stats_l7_store, reader_sees_what_a_writer_added)
{
	struct stats_l7 w = open_writer(&small), r = open_reader();

	fill(&w);
	expect_filled(&r, &small);
	cr_expect_eq(r.meta->writer.pid, 4711);
	cr_expect_str_eq(r.meta->node, "edge");
	cr_expect_not(r.is_bpf);
	cr_expect_not(stats_l7_is_stale(&r));
	stats_l7_close(&r);
	stats_l7_close(&w);
}

Test(stats_l7_store, counters_survive_the_writer_but_gauges_do_not)
{
	struct stats_l7 s = open_writer(&small);

	fill(&s);
	s.workers[1].requests_active = 9;
	s.services[7].open_http2 = 9;
	s.backends[15].connections_open = 9;
	stats_l7_close(&s);
	s = open_writer(&small);
	expect_filled(&s, &small);
	cr_expect_eq(s.workers[1].requests_active, 0);
	cr_expect_eq(s.services[7].open_http2, 0);
	cr_expect_eq(s.backends[15].connections_open, 0);
	stats_l7_close(&s);
}

Test(stats_l7_store, one_that_needs_more_room_takes_over_everything)
{
	static const struct stats_l7_room rooms[] = {{2, 16, 8, 4}, {2, 4, 32, 4},   {5, 4, 8, 4},
	                                             {2, 4, 8, 64}, {8, 64, 512, 8}, {1, 64, 4, 1}};

	for (size_t i = 0; i < ARRAY_LEN(rooms); i++) {
		struct stats_l7 old = open_writer(&small), reader = open_reader(), new, again;

		fill(&old);
		stats_l7_close(&old);
		new = open_writer(&rooms[i]);
		expect_filled(&new, &small);
		cr_expect(stats_l7_is_stale(&reader));
		expect_filled(&reader, &small); // as it was
		again = open_reader();
		cr_expect_geq(again.room.n_services, rooms[i].n_services);
		cr_expect_geq(again.room.n_workers, small.n_workers);
		expect_filled(&again, &small);
		stats_l7_close(&again);
		stats_l7_close(&reader);
		stats_l7_close(&new);
		teardown();
	}
}

Test(stats_l7_store, one_that_needs_less_keeps_the_room)
{
	static const struct stats_l7_room less = {
		.n_workers = 1, .n_services = 2, .n_backends = 2, .n_models = 2};
	struct stats_l7 s = open_writer(&small), reader = open_reader();

	stats_l7_close(&s);
	s = open_writer(&less);
	cr_expect_eq(s.room.n_workers, small.n_workers);
	cr_expect_eq(s.meta->n_workers, 1);
	cr_expect_not(stats_l7_is_stale(&reader));
	stats_l7_close(&reader);
	stats_l7_close(&s);
}

Test(stats_l7_store, a_second_writer_is_refused_and_harms_nothing)
{
	struct stats_l7 first = open_writer(&small), second;
	struct err err;

	fill(&first);
	cr_expect_eq(stats_l7_store_open_shm(&second, dir, &small, &err), -EBUSY);
	cr_expect(strstr(err.msg, shm) && strstr(err.msg, "another lb7d"), "%s", err.msg);
	expect_filled(&first, &small);
	stats_l7_close(&first);
	cr_assert_eq(stats_l7_store_open_shm(&second, dir, &small, &err), 0, "%s", err.msg);
	stats_l7_close(&second);
}

Test(stats_l7_store, a_writer_that_was_killed_holds_no_lock_and_lost_nothing)
{
	struct stats_l7 s;
	int ends[2];
	char byte;
	pid_t pid;

	cr_assert_eq(pipe(ends), 0);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (!pid) {
		s = open_writer(&small);
		fill(&s);
		if (write(ends[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	cr_assert_eq(read(ends[0], &byte, 1), 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	s = open_reader();
	expect_filled(&s, &small);
	stats_l7_close(&s);
	s = open_writer(&small);
	expect_filled(&s, &small);
	stats_l7_close(&s);
}

// A writer that is killed again and again while it is read: sums never fall, and every one is of a whole store.
Test(stats_l7_store, a_reader_survives_the_death_of_writers)
{
	struct stats_l7 s = open_writer(&small), r = open_reader();
	uint64_t last = 0;

	stats_l7_close(&s);
	for (int round = 0; round < 20; round++) {
		pid_t pid = fork();

		cr_assert_geq(pid, 0);
		if (!pid) {
			s = open_writer(&small);
			for (volatile uint64_t *n = &s.workers[0].requests;;)
				++*n;
		}
		for (uint64_t begin = last; last < begin + 1000;) {
			struct worker_counters sum;

			stats_l7_sum_workers(&r, &sum);
			cr_assert_geq(sum.requests, last);
			last = sum.requests;
		}
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	stats_l7_close(&r);
}

Test(stats_l7_store, nothing_there_is_no_entry)
{
	struct stats_l7 s;
	struct err err;

	cr_expect_eq(stats_l7_open(&s, dir, &err), -ENOENT);
	cr_expect(strstr(err.msg, dir) && strstr(err.msg, shm), "%s", err.msg);
}

Test(stats_l7_store, another_version_is_refused_by_readers_and_replaced_by_writers)
{
	for (int what = 0; what < 3; what++) {
		struct stats_l7 w = open_writer(&small), r;
		struct err err;

		fill(&w);
		w.meta->version += what == 0;
		w.meta->layout ^= what == 1;
		w.meta->magic ^= what == 2;
		cr_expect_eq(stats_l7_open(&r, dir, &err), -EPROTO, "%d", what);
		cr_expect(strstr(err.msg, "another version"), "%s", err.msg);
		stats_l7_close(&w);
		w = open_writer(&small);
		cr_expect_eq(w.workers[1].requests, 0);
		stats_l7_close(&w);
	}
}

Test(stats_l7_store, a_room_beyond_all_bounds_is_damage)
{
	static const struct stats_l7_room rooms[] = {{0, 4, 8, 4},
	                                             {2, 0, 8, 4},
	                                             {2, 4, 0, 4},
	                                             {2, 4, 8, 0},
	                                             {STATS_L7_WORKERS + 1, 4, 8, 4},
	                                             {2, UINT32_MAX, 8, 4},
	                                             {2, 4, UINT32_MAX, 4},
	                                             {2, 4, 8, UINT32_MAX},
	                                             {2, 5, 8, 4},
	                                             {2, 4, 8, 5}};

	for (size_t i = 0; i < ARRAY_LEN(rooms); i++) {
		struct stats_l7 w = open_writer(&small), r;
		struct err err;

		w.meta->room = rooms[i];
		cr_expect_eq(stats_l7_open(&r, dir, &err), -EPROTO, "%zu", i);
		stats_l7_close(&w);
	}
}

Test(stats_l7_store, a_file_of_another_size_is_refused_and_replaced)
{
	static const char *const names[] = {
		"l7_meta",        "l7_service_names", "l7_backend_names", "workers",
		"l7_services",    "l7_backends",      "l7_service_times", "l7_backend_times",
		"l7_model_names", "l7_models",        "l7_model_times"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct stats_l7 w = open_writer(&small), r;
		char path[STATS_DIR_SIZE + 32];
		struct err err;

		stats_l7_close(&w);
		snprintf(path, sizeof(path), "%s/%s", shm, names[i]);
		cr_assert_eq(truncate(path, 8), 0, "%s", path);
		cr_expect_eq(stats_l7_open(&r, dir, &err), -EPROTO, "%s", names[i]);
		cr_expect(strstr(err.msg, names[i]), "%s", err.msg);
		w = open_writer(&small);
		r = open_reader();
		stats_l7_close(&r);
		stats_l7_close(&w);
	}
}

// A crash in the middle of taking over: the first regions are new, the last are not.
Test(stats_l7_store, half_of_a_larger_store_is_refused_and_replaced)
{
	static const struct stats_l7_room large = {
		.n_workers = 2, .n_services = 8, .n_backends = 8, .n_models = 8};
	struct stats_l7 w = open_writer(&small), r;
	char from[STATS_DIR_SIZE + 32], to[STATS_DIR_SIZE + 32];
	struct err err;

	stats_l7_close(&w);
	snprintf(from, sizeof(from), "%s/l7_services", shm);
	snprintf(to, sizeof(to), "%s/kept", shm);
	cr_assert_eq(rename(from, to), 0);
	w = open_writer(&large); // as if it had found nothing
	stats_l7_close(&w);
	cr_assert_eq(rename(to, from), 0);
	cr_expect_eq(stats_l7_open(&r, dir, &err), -EPROTO);
	w = open_writer(&large);
	stats_l7_close(&w);
}

Test(stats_l7_store, a_reader_cannot_write)
{
	struct stats_l7 w = open_writer(&small), r = open_reader();
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(write(ends[1], "1234", 4), 4);
	cr_expect_eq(read(ends[0], &r.meta->writer.pid, 4), -1);
	cr_expect_eq(errno, EFAULT);
	stats_l7_close(&r);
	stats_l7_close(&w);
}

Test(stats_l7_store, a_private_store_is_whole_and_nobody_elses)
{
	struct stats_l7 s, r;
	struct err err;

	cr_assert_eq(stats_l7_store_open_private(&s, &small), 0);
	fill(&s);
	expect_filled(&s, &small);
	cr_expect(s.is_private);
	cr_expect_eq(stats_l7_open(&r, dir, &err), -ENOENT);
	stats_l7_close(&s);
}

Test(stats_l7_store, room_is_twice_what_is_needed_and_bounded)
{
	struct stats_l7_room r = stats_l7_store_room(2, 3, 10, 5);

	cr_expect_eq(r.n_services, 64);
	cr_expect_eq(r.n_backends, 512);
	cr_expect_eq(r.n_models, 64);
	r = stats_l7_store_room(2, 100, 1000, 65);
	cr_expect_eq(r.n_services, 256);
	cr_expect_eq(r.n_backends, 2048);
	cr_expect_eq(r.n_models, 256);
	r = stats_l7_store_room(2, CONF_MAX_SERVICES, CONF_MAX_BACKENDS,
	                        CONF_MAX_L7 * CONF_MAX_MODELS);
	cr_expect_eq(r.n_services, STATS_L7_SERVICES);
	cr_expect_eq(r.n_backends, STATS_L7_BACKENDS);
	cr_expect_eq(r.n_models, STATS_L7_MODELS);
}

Test(stats_l7_store, an_ordinary_store_is_small)
{
	struct stats_l7_room room = stats_l7_store_room(2, 10, 100, 10);
	struct stats_shape shapes[STATS_L7_REGION_COUNT];
	size_t size = 0;

	stats_layout_l7_shapes(shapes, &room);
	for (size_t i = 0; i < STATS_L7_REGION_COUNT; i++)
		size += (size_t)shapes[i].entry_size * shapes[i].n_entries;
	cr_expect_lt(size, (size_t)8 << 20);
}

Test(stats_l7_store, requests_that_neither_ended_nor_run_are_a_difference)
{
	struct l7_service_counters c = {.requests = 10, .requests_active = 2};

	c.ends_completed = 5;
	c.ends_overload = 1;
	cr_expect_eq(stats_l7_identity(&c), 2);
	c.ends_no_route = 2;
	cr_expect_eq(stats_l7_identity(&c), 0);
}

// As it is when lb7d was killed: some requests and streams were on their way, and one request had just begun or just ended.
Test(stats_l7_store, what_was_on_its_way_when_its_writer_died_is_lost)
{
	static const struct stats_l7_room more = {
		.n_workers = 4, .n_services = 8, .n_backends = 8, .n_models = 4};
	static const struct {
		uint64_t requests, active, lost;
	} cases[] = {{10, 2, 3}, {10, 4, 3}, {7, 0, 0}, {6, 0, 0}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct stats_l7 s = open_writer(&small);
		struct l7_service_counters sum;

		s.services[stats_l7_service_at(&s, 1, 2)] = (struct l7_service_counters){
			.requests = cases[i].requests,
			.requests_active = cases[i].active,
			.ends_completed = 6,
			.ends_lost = 1,
			.streams_sse = 5,
			.streams_grpc = 3,
			.active_sse = 2,
			.stream_ends_client_abort = 5,
		};
		stats_l7_close(&s);
		s = open_writer(i % 2 ? &more : &small);
		stats_l7_sum_service(&s, 2, &sum);
		cr_expect_eq(sum.ends_lost, 1 + cases[i].lost, "%zu: %lu", i, sum.ends_lost);
		cr_expect_eq(sum.stream_ends_lost, 3, "%zu", i);
		cr_expect_eq(stats_l7_identity(&sum), cases[i].requests < 7 ? -1 : 0, "%zu", i);
		cr_expect_eq(stats_l7_stream_identity(&sum), 0, "%zu", i);
		stats_l7_close(&s);
		teardown();
	}
}
