// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbtop_page.h"

#include "tests/unit/tools/lbtopbuild.h"

#include <math.h>

static struct lbtop_model model;
static struct lbtop_items items;

// lb4d knows service-1..3 and pool/backend-1..2; lb7d service-3, api-1, pool/backend-2 and other/backend-2.
static struct lbtop_sample *edge_sample(double seconds, uint64_t n)
{
	struct lbtop_sample *s = busy_sample(seconds, n);
	struct lbtop_row *service = rows_of(s, LBTOP_L7_SERVICE, 2, "api");
	struct lbtop_row *backend = rows_of(s, LBTOP_L7_BACKEND, 2, "backend");

	s->daemon[LBTOP_LB7D] = (struct lbtop_daemon){.state = LBTOP_RUNNING, .epoch = 1};
	snprintf(service[1].name, sizeof(service[1].name), "service-3");
	snprintf(backend[0].name, sizeof(backend[0].name), "backend-2");
	snprintf(backend[0].pool, sizeof(backend[0].pool), "pool");
	snprintf(backend[1].pool, sizeof(backend[1].pool), "other");
	service[1].value[LBTOP_VALUE(l7_service_counters, requests)] = 5 * n;
	backend[0].value[LBTOP_VALUE(l7_backend_counters, requests)] = 4 * n;
	backend[1].value[LBTOP_VALUE(l7_backend_counters, requests)] = n;
	return s;
}

static void setup(void)
{
	lbtop_model_init(&model);
	lbtop_model_push(&model, edge_sample(10, 1));
	lbtop_model_push(&model, edge_sample(11, 2));
}

static void teardown(void)
{
	lbtop_table_free(&items);
	lbtop_model_fini(&model);
}

TestSuite(lbtop_page, .init = setup, .fini = teardown);

static void collect(enum lbtop_page_id page, bool shows_all)
{
	struct lbtop_scope scope = {.model = &model, .shows_all = shows_all};

	lbtop_table_free(&items);
	cr_assert(lbtop_pages[page].collect(&scope, &items));
}

// The line of this name (and pool).
static const struct lbtop_item *line_of(const char *pool, const char *name)
{
	const struct lbtop_item *found = NULL;

	for (size_t i = 0; i < items.n; i++) {
		const struct lbtop_row *row = lbtop_page_row(&items.item[i]);

		if (strcmp(row->name, name) == 0 && (!pool || strcmp(row->pool, pool) == 0)) {
			cr_expect_null(found, "%s is there twice", name);
			found = &items.item[i];
		}
	}
	cr_assert(found, "%s", name);
	return found;
}

static double figure(enum lbtop_page_id page, const char *head, const struct lbtop_item *item)
{
	const struct lbtop_table *t = &lbtop_pages[page].table;

	for (size_t i = 0; i < t->n_columns; i++) {
		struct lbtop_value v = {.number = NAN};

		if (strcmp(t->column[i].head, head) != 0)
			continue;
		t->column[i].get(&v, item, t->column[i].value);
		return v.number;
	}
	cr_assert_fail("no column %s", head);
	return NAN;
}

Test(lbtop_page, what_both_daemons_count_is_one_line)
{
	collect(LBTOP_PAGE_SERVICES, false);
	cr_expect_eq(items.n, 4);
	cr_expect_eq(figure(LBTOP_PAGE_SERVICES, "PKT/S", line_of(NULL, "service-3")), 30);
	cr_expect_eq(figure(LBTOP_PAGE_SERVICES, "REQ/S", line_of(NULL, "service-3")), 5);
	cr_expect(isnan(figure(LBTOP_PAGE_SERVICES, "REQ/S", line_of(NULL, "service-1"))));
	cr_expect(isnan(figure(LBTOP_PAGE_SERVICES, "PKT/S", line_of(NULL, "api-1"))));
}

Test(lbtop_page, backends_of_one_name_in_two_pools_are_two)
{
	collect(LBTOP_PAGE_BACKENDS, false);
	cr_expect_eq(items.n, 3);
	cr_expect_eq(figure(LBTOP_PAGE_BACKENDS, "REQ/S", line_of("pool", "backend-2")), 4);
	cr_expect_eq(figure(LBTOP_PAGE_BACKENDS, "REQ/S", line_of("other", "backend-2")), 1);
}

Test(lbtop_page, shares_are_of_the_pool_and_count_flows_and_requests)
{
	collect(LBTOP_PAGE_BACKENDS, false);
	// new flows 3 and 1, requests none and 4
	cr_expect_float_eq(line_of("pool", "backend-1")->share, 3. / 8, 1e-9);
	cr_expect_float_eq(line_of("pool", "backend-2")->share, 5. / 8, 1e-9);
	cr_expect_float_eq(line_of("other", "backend-2")->share, 1, 1e-9);
}

Test(lbtop_page, a_retired_row_is_not_taken_for_the_living_one_of_its_name)
{
	model.now->rows[LBTOP_L7_SERVICE].row[1].is_retired = true;
	collect(LBTOP_PAGE_SERVICES, false);
	cr_expect_eq(items.n, 4);
	cr_expect(isnan(figure(LBTOP_PAGE_SERVICES, "REQ/S", line_of(NULL, "service-3"))));
	collect(LBTOP_PAGE_SERVICES, true);
	cr_expect_eq(items.n, 5);
}

Test(lbtop_page, packets_that_xdp_leaves_to_the_kernel_are_the_services_too)
{
	struct lbtop_row *row = rows_of(model.now, LBTOP_STEER, 3, "service");
	struct lbtop_row *before = rows_of(model.before, LBTOP_STEER, 3, "service");

	row[2].value[LBTOP_VALUE(steer_service_counters, passed)] = 12;
	before[2].value[LBTOP_VALUE(steer_service_counters, passed)] = 2;
	collect(LBTOP_PAGE_SERVICES, false);
	cr_expect_eq(figure(LBTOP_PAGE_SERVICES, "PKT/S", line_of(NULL, "service-3")), 40);
}

Test(lbtop_page, cycles_for_a_packet_need_their_number_a_second)
{
	collect(LBTOP_PAGE_LANES, false);
	cr_expect(isnan(figure(LBTOP_PAGE_LANES, "CYC/PKT", &items.item[0])));
	cr_expect_eq(figure(LBTOP_PAGE_LANES, "NS/PKT", &items.item[0]), 50);
	cr_expect_eq(figure(LBTOP_PAGE_LANES, "FILL", &items.item[0]), 10);
	model.now->daemon[LBTOP_LB4D].cycles_hz = 3000000000;
	cr_expect_eq(figure(LBTOP_PAGE_LANES, "CYC/PKT", &items.item[0]), 150);
}

Test(lbtop_page, streams_are_of_services_that_have_had_any)
{
	struct lbtop_row *row = &model.now->rows[LBTOP_L7_SERVICE].row[1];

	collect(LBTOP_PAGE_STREAMS, false);
	cr_expect_eq(items.n, 0);
	row->value[LBTOP_VALUE(l7_service_counters, streams_sse)] = 3;
	row->value[LBTOP_VALUE(l7_service_counters, active_sse)] = 2;
	collect(LBTOP_PAGE_STREAMS, false);
	cr_assert_eq(items.n, 1);
	cr_expect_eq(figure(LBTOP_PAGE_STREAMS, "SSE", &items.item[0]), 2);
	cr_expect_eq(figure(LBTOP_PAGE_STREAMS, "NEW/S", &items.item[0]), 3);
	collect(LBTOP_PAGE_STREAMS, true);
	cr_expect_eq(items.n, 2);
}

// In the bucket of 2^(bits-1) to 2^bits - 1 of log i of the row.
static void log_values(struct lbtop_sample *s, struct lbtop_row *row, uint16_t i, unsigned bits,
                       uint64_t n)
{
	cr_assert_eq(lbtop_sample_make_logs(s, LBTOP_TCP_BACKEND, row), 0);
	row->logs[i].bucket[bits] = n;
}

// api-1 of clients, pool/backend-1 of ours: a service and a backend of one id.
static void add_tcp(struct lbtop_sample *s, uint64_t n)
{
	struct lbtop_row *service = rows_of(s, LBTOP_TCP_SERVICE, 1, "api");
	struct lbtop_row *backend = rows_of(s, LBTOP_TCP_BACKEND, 1, "backend");

	snprintf(backend->pool, sizeof(backend->pool), "pool");
	service->value[LBTOP_VALUE(tcp_counters, connections)] = 6 * n;
	service->value[LBTOP_VALUE(tcp_counters, retransmits)] = 2 * n;
	backend->value[LBTOP_VALUE(tcp_counters, connections)] = 40 * n;
	backend->value[LBTOP_VALUE(tcp_counters, resets_received)] = n;
	log_values(s, backend, 0, 10, 40 * n); // handshake: 512..1023 us
	log_values(s, backend, 2, 1, 40 * n);  // duration: 1 ms
	log_values(s, backend, 3, 3, 40 * n);  // resent: 4..7 segments
}

static void push_tcp(void)
{
	struct lbtop_sample *s = edge_sample(12, 3);

	add_tcp(model.now, 1);
	add_tcp(s, 2);
	lbtop_model_push(&model, s);
	cr_assert_eq(model.n_then, 1);
	add_tcp(model.then[0], 1);
}

Test(lbtop_page, a_service_and_a_backend_of_one_id_are_two_lines_of_tcp)
{
	push_tcp();
	collect(LBTOP_PAGE_TCP, false);
	cr_assert_eq(items.n, 2);
	cr_expect_neq(items.item[0].id, items.item[1].id);
	cr_expect_eq(figure(LBTOP_PAGE_TCP, "CONN/S", line_of(NULL, "api-1")), 6);
	cr_expect_eq(figure(LBTOP_PAGE_TCP, "RETX/S", line_of(NULL, "api-1")), 2);
	cr_expect_eq(figure(LBTOP_PAGE_TCP, "CONN/S", line_of("pool", "backend-1")), 40);
	cr_expect_eq(figure(LBTOP_PAGE_TCP, "RSTIN/S", line_of("pool", "backend-1")), 1);
}

Test(lbtop_page, times_of_tcp_are_in_nanoseconds_whatever_the_kernel_counts_in)
{
	double ns;

	push_tcp();
	collect(LBTOP_PAGE_TCP, false);
	ns = figure(LBTOP_PAGE_TCP, "SYN50", line_of("pool", "backend-1"));
	cr_expect(ns >= 512e3 && ns < 1024e3, "%g", ns);
	cr_expect_eq(figure(LBTOP_PAGE_TCP, "LIFE99", line_of("pool", "backend-1")), 1e6);
	cr_expect(isnan(figure(LBTOP_PAGE_TCP, "RTT50", line_of("pool", "backend-1"))));
	cr_expect(isnan(figure(LBTOP_PAGE_TCP, "SYN50", line_of(NULL, "api-1"))));
}

Test(lbtop_page, counters_of_a_backend_have_what_the_kernel_counts_of_it)
{
	struct lbtop_scope scope = {
		.model = &model, .target = {.is_set = {true}, .kind = {LBTOP_BACKEND}, .id = {1}}};
	const struct lbtop_column *p50 = &lbtop_page_counters[5];
	size_t n_kernel = 0;

	push_tcp();
	cr_assert(lbtop_pages[LBTOP_PAGE_COUNTERS].collect(&scope, &items));
	for (size_t i = 0; i < items.n; i++) {
		const struct lbtop_item *item = &items.item[i];
		struct lbtop_value v = {.number = NAN};

		if (item->kind != LBTOP_TCP_BACKEND)
			continue;
		n_kernel++;
		p50->get(&v, item, p50->value);
		if (item->value == STATS_TCP_FIELDS + 3)
			cr_expect(v.is_count && v.number >= 4 && v.number < 8, "%g", v.number);
		else
			cr_expect_not(v.is_count);
	}
	cr_expect_eq(n_kernel, 2 + 3, "two counters and three histograms");
}

Test(lbtop_page, every_column_has_a_heading_a_help_and_a_getter)
{
	for (size_t p = 0; p < LBTOP_PAGE_COUNT; p++) {
		const struct lbtop_table *t = &lbtop_pages[p].table;

		cr_expect_leq(t->n_columns, LBTOP_MAX_COLUMNS);
		cr_expect_lt(lbtop_pages[p].sort, t->n_columns);
		for (size_t i = 0; i < t->n_columns; i++) {
			cr_assert(t->column[i].head && t->column[i].help && t->column[i].get,
			          "%s, column %zu", lbtop_pages[p].name, i);
			cr_expect_leq(strlen(t->column[i].head), 9, "%s", t->column[i].head);
		}
	}
}
