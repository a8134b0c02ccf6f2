// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/stats_l7_roster.h"

#include <criterion/criterion.h>

#include <string.h>

#include "l4/base/clock.h"
#include "l4/model/stats_l7_store.h"

static const struct stats_l7_room room = {
	.n_workers = 2, .n_services = 4, .n_backends = 4, .n_models = 4};

static struct stats_l7 store;

static void setup(void)
{
	cr_assert_eq(stats_l7_store_open_private(&store, &room), 0);
	stats_l7_store_announce(&store, "edge", room.n_workers, 4711);
	store.meta->generation = 1; // of a run that goes on
}

static void teardown(void)
{
	stats_l7_close(&store);
}

TestSuite(stats_l7_roster, .init = setup, .fini = teardown);

// Names as "group/name", one for each letter: "ab" are two.
static void owners_of(struct stats_l7_owner *out, char texts[][2], const char *letters)
{
	for (size_t i = 0; letters[i]; i++) {
		texts[i][0] = letters[i];
		texts[i][1] = '\0';
		out[i] = (struct stats_l7_owner){.group = "pool", .name = texts[i], .port = 80};
	}
}

// The ids that these get, as digits.
static const char *assign(enum stats_l7_kind kind, const char *letters)
{
	struct stats_l7_owner owners[8];
	static char said[9];
	char texts[8][2];
	uint16_t ids[8];
	size_t n = strlen(letters);

	owners_of(owners, texts, letters);
	stats_l7_roster(&store, kind, owners, n, ids);
	for (size_t i = 0; i < n; i++)
		said[i] = (char)('0' + ids[i]);
	said[n] = '\0';
	return said;
}

// As if it had been retired long ago.
static void age(struct stats_l7_name *n)
{
	n->retired_ns -= (STATS_L7_QUARANTINE_S + 1) * CLOCK_NS_PER_S;
}

Test(stats_l7_roster, ids_are_found_again_by_name_in_any_order)
{
	cr_expect_str_eq(assign(STATS_L7_OF_SERVICES, "ab"), "12");
	cr_expect_str_eq(assign(STATS_L7_OF_SERVICES, "ba"), "21");
	cr_expect_str_eq(assign(STATS_L7_OF_SERVICES, "cb"), "32");
	cr_expect_str_eq(assign(STATS_L7_OF_SERVICES, "a"), "1");
	cr_expect_eq(store.service_names[1].used, STATS_LIVE);
	cr_expect_eq(store.service_names[2].used, STATS_RETIRED);
	cr_expect_neq(store.service_names[2].retired_ns, 0);
}

Test(stats_l7_roster, a_service_keeps_its_id_when_it_gets_another_l7)
{
	struct stats_l7_owner o = {.group = "one", .name = "web", .port = 80};
	uint16_t id;

	stats_l7_roster(&store, STATS_L7_OF_SERVICES, &o, 1, &id);
	o.group = "two";
	o.port = 443;
	stats_l7_roster(&store, STATS_L7_OF_SERVICES, &o, 1, &id);
	cr_expect_eq(id, 1);
	cr_expect_str_eq(store.service_names[1].group, "two");
	cr_expect_eq(store.service_names[1].port, 443);
}

Test(stats_l7_roster, backends_of_two_pools_are_two)
{
	struct stats_l7_owner o[2] = {{.group = "x", .name = "b1"}, {.group = "y", .name = "b1"}};
	uint16_t ids[2];

	cr_expect_eq(stats_l7_roster(&store, STATS_L7_OF_BACKENDS, o, 2, ids), 0);
	cr_expect_neq(ids[0], ids[1]);
}

Test(stats_l7_roster, who_finds_no_room_is_counted_with_others)
{
	struct stats_l7_owner owners[5];
	char texts[5][2];
	uint16_t ids[5];

	owners_of(owners, texts, "abcde");
	cr_expect_eq(stats_l7_roster(&store, STATS_L7_OF_SERVICES, owners, 5, ids), 2);
	cr_expect_eq(ids[2], 3);
	cr_expect_eq(ids[3], STATS_L7_OTHER);
	cr_expect_eq(ids[4], STATS_L7_OTHER);
}

Test(stats_l7_roster, an_id_changes_its_owner_late_and_at_zero)
{
	assign(STATS_L7_OF_SERVICES, "abc");
	store.services[stats_l7_service_at(&store, 1, 2)].requests = 7;
	stats_histogram_record(
		&store.service_times[stats_l7_service_at(&store, 0, 2)].request_duration, 1);
	assign(STATS_L7_OF_SERVICES, "ac");
	cr_expect_str_eq(assign(STATS_L7_OF_SERVICES, "acd"), "130", "in quarantine");
	age(&store.service_names[2]);
	cr_expect_str_eq(assign(STATS_L7_OF_SERVICES, "acd"), "132");
	cr_expect_eq(store.services[stats_l7_service_at(&store, 1, 2)].requests, 0);
	cr_expect_eq(store.service_times[stats_l7_service_at(&store, 0, 2)].request_duration.sum_ns,
	             0);
}

Test(stats_l7_roster, who_comes_back_in_time_goes_on_counting)
{
	assign(STATS_L7_OF_BACKENDS, "ab");
	store.backends[stats_l7_backend_at(&store, 0, 2)].requests = 7;
	assign(STATS_L7_OF_BACKENDS, "a");
	age(&store.backend_names[2]);
	cr_expect_str_eq(assign(STATS_L7_OF_BACKENDS, "acb"), "132");
	cr_expect_eq(store.backends[stats_l7_backend_at(&store, 0, 2)].requests, 7);
}

Test(stats_l7_roster, an_id_that_is_still_counted_under_is_kept)
{
	uint64_t *gauge = &store.backends[stats_l7_backend_at(&store, 1, 1)].connections_open;

	assign(STATS_L7_OF_BACKENDS, "abc");
	*gauge = 1;
	assign(STATS_L7_OF_BACKENDS, "c");
	age(&store.backend_names[1]);
	age(&store.backend_names[2]);
	cr_expect_str_eq(assign(STATS_L7_OF_BACKENDS, "cd"), "32");
	cr_expect_str_eq(assign(STATS_L7_OF_BACKENDS, "cde"), "320");
	*gauge = 0;
	cr_expect_str_eq(assign(STATS_L7_OF_BACKENDS, "cde"), "321");
}

Test(stats_l7_roster, names_that_make_no_sense_are_cleared)
{
	store.service_names[1].used = 77;
	store.services[stats_l7_service_at(&store, 0, 1)].requests = 7;
	store.service_names[2].used = STATS_LIVE;
	memset(store.service_names[2].name, 'x', STATS_NAME_SIZE);
	cr_expect_str_eq(assign(STATS_L7_OF_SERVICES, "ab"), "12");
	cr_expect_eq(store.services[stats_l7_service_at(&store, 0, 1)].requests, 0);
	cr_expect_str_eq(store.service_names[2].name, "b");
}

Test(stats_l7_roster, a_model_that_a_stream_still_says_keeps_its_id)
{
	struct l7_model_counters *one = &store.models[stats_l7_model_at(&store, 1, 1)];

	cr_expect_str_eq(assign(STATS_L7_OF_MODELS, "ab"), "12");
	cr_expect_str_eq(assign(STATS_L7_OF_MODELS, "cb"), "32");
	one->streams = 7;
	one->active = 1;
	age(&store.model_names[1]);
	cr_expect_str_eq(assign(STATS_L7_OF_MODELS, "cbd"), "320", "none is free, and 1 is in use");
	one->active = 0;
	cr_expect_str_eq(assign(STATS_L7_OF_MODELS, "cbd"), "321");
	cr_expect_eq(one->streams, 0, "it begins anew");
	cr_expect_eq(store.service_names[1].used, STATS_FREE);
	cr_expect_eq(store.backend_names[1].used, STATS_FREE);
}

// A restart at the end of a quarantine that had only begun: no stream of the run before lives, and nobody needs to wait.
Test(stats_l7_roster, a_new_run_takes_the_ids_of_those_who_left_before_it)
{
	static const enum stats_l7_kind kinds[] = {STATS_L7_OF_SERVICES, STATS_L7_OF_BACKENDS,
	                                           STATS_L7_OF_MODELS};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		store.meta->generation = 1;
		cr_expect_str_eq(assign(kinds[i], "abc"), "123");
		cr_expect_str_eq(assign(kinds[i], "ab"), "12");
		cr_expect_str_eq(assign(kinds[i], "abd"), "120", "%zu: in quarantine", i);
		stats_l7_store_announce(&store, "edge", room.n_workers, 4712);
		cr_expect_str_eq(assign(kinds[i], "bd"), "23", "%zu: c left first, a with the run",
		                 i);
		cr_expect_str_eq(assign(kinds[i], "bde"), "231", "%zu", i);
		store.meta->generation = 1;
		cr_expect_str_eq(assign(kinds[i], "bd"), "23");
		cr_expect_str_eq(assign(kinds[i], "bdf"), "230", "%zu: it is in this run", i);
	}
}
