// SPDX-License-Identifier: BSD-3-Clause
#include "tests/unit/l7/metricsbuild.h"

#include <sys/wait.h>

#include "l4/model/stats_writer.h"
#include "l7/metrics_set.h"

static struct metricsbuild m;

static void begin(void)
{
	metricsbuild_begin(&m);
}

static void end(void)
{
	metricsbuild_end(&m);
}

TestSuite(metrics, .init = begin, .fini = end);

// One of everything, each with something counted, so that nothing is left out for having nothing to show.
static void fill(void)
{
	struct stats_l7 *l7 = &m.b.manager.telemetry.store;
	struct stats_l7_name *site = &l7->service_names[1];

	m.l4.service_names[3] = (struct stats_service_name){.used = STATS_LIVE, .name = "l4"};
	m.l4.backend_names[5] =
		(struct stats_backend_name){.used = STATS_LIVE, .pool = "p", .name = "b"};
	m.l4.tcp_services[3].connections = 1;
	m.l4.tcp_backends[5].failed = 1;
	m.l4.steer_ports[1] = (struct stats_steer_port){
		.used = STATS_LIVE, .name = "wan", .counters.no_socket = 7};
	*site = (struct stats_l7_name){.used = STATS_LIVE, .name = "site"};
	l7->services[1].connections = 1;
	l7->services[1].streams_sse = 1;
	l7->backends[1].requests = 1;
	l7->models[0].streams = 1;
}

// --- the one list ---

static char list_text[65536];

static void read_list(void)
{
	FILE *f = fopen("l4/model/counters.h", "r");

	cr_assert_not_null(f);
	list_text[fread(list_text, 1, sizeof(list_text) - 1, f)] = '\0';
	cr_assert(feof(f));
	fclose(f);
}

// What of counters.h is shown as what. REQUEST_ENDS is a part of COUNTERS_L7_SERVICE, REASONS a family by itself.
static const struct {
	const char *list;
	enum metrics_set_kind kinds[2];
	size_t n;
} lists[] = {
	{"COUNTERS_LANE", {METRICS_LANES}, 1},
	{"COUNTERS_SERVICE", {METRICS_L4_SERVICES}, 1},
	{"COUNTERS_BACKEND", {METRICS_L4_BACKENDS}, 1},
	{"COUNTERS_STEER", {METRICS_XDP_PORTS}, 1},
	{"COUNTERS_STEER_SERVICE", {METRICS_XDP_SERVICES}, 1},
	{"COUNTERS_TCP", {METRICS_TCP_SERVICES, METRICS_TCP_BACKENDS}, 2},
	{"HISTOGRAMS_TCP", {METRICS_TCP_SERVICES, METRICS_TCP_BACKENDS}, 2},
	{"COUNTERS_WORKER", {METRICS_WORKERS}, 1},
	{"COUNTERS_L7_SERVICE", {METRICS_SERVICES}, 1},
	{"COUNTERS_L7_BACKEND", {METRICS_BACKENDS}, 1},
	{"COUNTERS_L7_MODEL", {METRICS_MODELS}, 1},
	{"HISTOGRAMS_L7_SERVICE", {METRICS_SERVICES}, 1},
	{"HISTOGRAMS_L7_BACKEND", {METRICS_BACKENDS}, 1},
	{"HISTOGRAMS_L7_MODEL", {METRICS_MODELS}, 1},
};

static size_t find_list(const char *name, size_t len)
{
	size_t i = 0;

	while (i < ARRAY_LEN(lists) &&
	       (strlen(lists[i].list) != len || strncmp(lists[i].list, name, len) != 0))
		i++;
	return i;
}

// The family of a name of a list, as its kind shows it; false: the kind does not know it.
static bool family_of(struct metrics_family *out, enum metrics_set_kind kind, const char *name)
{
	const struct metrics_set_lists *l = &metrics_set_lists[kind];

	for (size_t i = 0; i < l->n_fields; i++)
		if (strcmp(l->fields[i].name, name) == 0) {
			metrics_family_of(out, l->prefix, &l->fields[i], l->rules);
			return true;
		}
	for (size_t i = 0; i < l->n_times; i++)
		if (strcmp(l->times[i].name, name) == 0) {
			metrics_family_of_time(out, l->prefix, &l->times[i]);
			return true;
		}
	for (size_t i = 0; i < l->n_log2s; i++)
		if (strcmp(l->log2s[i].name, name) == 0) {
			metrics_family_of_log2(out, l->prefix, &l->log2s[i]);
			return true;
		}
	return false;
}

// A sample of the family, with the label of this counter if it has one.
static bool is_on_page(const struct metrics_family *f)
{
	char label[128] = "";

	if (f->label)
		snprintf(label, sizeof(label), "%s=\"%s\"", f->label, f->value);
	for (const char *at = m.page; *at; at = strchr(at, '\n') + 1) {
		size_t len = strlen(f->name), line = strcspn(at, "\n");

		if (strncmp(at, f->name, len) == 0 && (at[len] == '{' || at[len] == '_') &&
		    memmem(at, line, label, strlen(label)))
			return true;
	}
	return false;
}

static void expect_name(size_t list, const char *name)
{
	for (size_t k = 0; k < lists[list].n; k++) {
		struct metrics_family f;

		cr_assert(family_of(&f, lists[list].kinds[k], name), "%s %s", lists[list].list,
		          name);
		cr_expect(is_on_page(&f), "%s %s: no %s on the page", lists[list].list, name,
		          f.name);
	}
}

// Each X(name, ... of a list, whose lines end with a backslash.
static size_t expect_names(size_t list, const char *define)
{
	const char *end = define;
	size_t n = 0;

	while (strcspn(end, "\n") && end[strcspn(end, "\n") - 1] == '\\')
		end += strcspn(end, "\n") + 1;
	end += strcspn(end, "\n");
	for (const char *at = strstr(define, "\tX("); at && at < end; at = strstr(at + 1, "\tX(")) {
		char name[64];

		cr_assert_eq(sscanf(at, "\tX(%63[a-z0-9_],", name), 1, "%.40s", at);
		expect_name(list, name);
		n++;
	}
	return n;
}

// So that a list that is new in counters.h cannot be forgotten either.
Test(metrics, every_counter_of_the_one_list_is_on_the_page)
{
	size_t n_lists = 0, n = 0;

	metricsbuild_apply(&m, "p", 1);
	fill();
	metricsbuild_read(&m, NULL);
	metricsbuild_check(&m);
	read_list();
	for (const char *at = list_text; (at = strstr(at, "#define ")); at++) {
		const char *name = at + strlen("#define ");
		size_t len = strcspn(name, "("), list = find_list(name, len);

		if (strncmp(name, "COUNTERS_", 9) != 0 && strncmp(name, "HISTOGRAMS_", 11) != 0)
			continue;
		cr_assert_lt(list, ARRAY_LEN(lists), "%.*s is not shown", (int)len, name);
		n += expect_names(list, at);
		n_lists++;
	}
	cr_expect_eq(n_lists, ARRAY_LEN(lists));
	cr_expect_gt(n, 180, "%zu", n);
#define X(SYMBOL, name, help) expect_name(find_list("COUNTERS_L7_SERVICE", 19), "ends_" #name);
	REQUEST_ENDS(X)
#undef X
	for (size_t r = 0; r < REASON_COUNT; r++) {
		char sample[128];

		snprintf(sample, sizeof(sample),
		         "lb_lane_packets_total{lane=\"1\",verdict=\"%s\",reason=\"%s\"}",
		         stats_verdict_names[stats_reason_verdicts[r]], stats_reason_names[r]);
		cr_expect_str_eq(metricsbuild_value(&m, sample), "0", "%s", sample);
	}
	cr_expect_str_eq(metricsbuild_value(
				 &m, "lb_xdp_port_packets_total{port=\"wan\",class=\"no_socket\"}"),
	                 "7");
}

// What is not counted in the store, but known to lb7d; and the reasons.
static const char *const others[] = {
	"lb_build_info",
	"lb_config_generation",
	"lb_reloads_total",
	"lb_reload_failures_total",
	"lb_worker_cpu_seconds_total",
	"lb_backend_healthy",
	"lb_backend_usable",
	"lb_backend_state",
	"lb_pool_usable_backends",
	"lb_pool_failed_open",
	"lb_daemon_up",
	"lb_start_time_seconds",
	"lb_lane_packets_total",
};

static size_t count_names(enum metrics_set_kind kind)
{
	const struct metrics_set_lists *l = &metrics_set_lists[kind];

	return (size_t)l->n_fields + l->n_times + l->n_log2s;
}

static const char *name_of(enum metrics_set_kind kind, size_t i)
{
	const struct metrics_set_lists *l = &metrics_set_lists[kind];

	if (i < l->n_fields)
		return l->fields[i].name;
	i -= l->n_fields;
	return i < l->n_times ? l->times[i].name : l->log2s[i - l->n_times].name;
}

static bool is_known(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (strlen(others[i]) == len && strncmp(others[i], name, len) == 0)
			return true;
	for (size_t k = 0; k < METRICS_KINDS; k++)
		for (size_t i = 0; i < count_names(k); i++) {
			struct metrics_family f;

			cr_assert(family_of(&f, k, name_of(k, i)));
			if (strlen(f.name) == len && strncmp(f.name, name, len) == 0)
				return true;
		}
	return false;
}

Test(metrics, every_family_is_of_the_list_or_one_of_a_few)
{
	metricsbuild_apply(&m, "p", 1);
	fill();
	metricsbuild_read(&m, NULL);
	for (const char *at = m.page; *at; at = strchr(at, '\n') + 1)
		if (strncmp(at, "# HELP ", 7) == 0)
			cr_expect(is_known(at + 7, strcspn(at + 7, " ")), "%.60s", at);
}

// --- pieces ---

static unsigned n_reloads;

static void reload(struct metricsbuild *mb)
{
	static const unsigned n[] = {300, 400, 0, 1, 299};

	n_reloads++;
	metricsbuild_apply(mb, n_reloads % 2 ? "q" : "p", n[n_reloads % ARRAY_LEN(n)]);
}

Test(metrics, a_page_of_many_pieces_is_one_whatever_is_reloaded_meanwhile)
{
	size_t n;

	metricsbuild_apply(&m, "p", 300);
	fill();
	metricsbuild_read(&m, NULL);
	n = metricsbuild_check(&m);
	cr_assert_gt(m.n_pieces, 5);
	metricsbuild_read(&m, reload);
	cr_assert_gt(n_reloads, 5);
	metricsbuild_check(&m);
	for (unsigned i = 0; i < 4; i++) {
		metricsbuild_read(&m, reload);
		metricsbuild_check(&m);
	}
	cr_expect_gt(n, 300 * 10);
}

// As lb4d may, with services that change their names, and as a writer that went mad would.
static void swap_names(struct metricsbuild *mb)
{
	struct stats_backend_name *names = mb->l4.backend_names, last = names[1000];

	memmove(&names[2], &names[1], 999 * sizeof(last));
	names[1] = last;
}

Test(metrics, no_sample_is_there_twice_when_names_wander)
{
	metricsbuild_apply(&m, "p", 1);
	for (unsigned i = 1; i <= 1000; i++) {
		struct stats_backend_name *b = &m.l4.backend_names[i];

		b->used = STATS_LIVE;
		snprintf(b->name, sizeof(b->name), "b%u", i);
		snprintf(b->pool, sizeof(b->pool), "pool");
	}
	metricsbuild_read(&m, swap_names);
	cr_assert_gt(m.n_pieces, 5);
	metricsbuild_check(&m);
}

// Endpoints without anything to show are looked at, too, and must not hold the loop.
Test(metrics, a_piece_looks_at_so_many_rows_and_no_more)
{
	unsigned n = 1000, before;

	metricsbuild_apply(&m, "p", n);
	metricsbuild_read(&m, NULL);
	before = m.n_pieces;
	cr_expect_null(strstr(m.page, "lb_backend_connect_time_seconds_bucket"));
	cr_expect_geq(before,
	              n * (STATS_L7_BACKEND_FIELDS + STATS_L7_BACKEND_TIMES) / METRICS_PIECE_ROWS);
	for (uint32_t id = 1; id <= n; id++)
		m.b.manager.telemetry.store.backends[id].requests = 1;
	metricsbuild_read(&m, NULL);
	cr_expect_gt(m.n_pieces, before + n * STATS_L7_BACKEND_TIMES * 1000 / METRICS_PIECE);
	metricsbuild_check(&m);
}

// --- what is worth a line ---

Test(metrics, histograms_begin_with_the_first_use_and_counters_with_the_configuration)
{
	struct stats_l7 *l7 = &m.b.manager.telemetry.store;
	static const char count[] =
		"lb_backend_request_duration_seconds_count{pool=\"p\",backend=\"b0\"}";
	static const char gap[] = "lb_inter_event_gap_seconds_count{service=\"site\"}";
	static const char duration[] = "lb_request_duration_seconds_count{service=\"site\"}";

	metricsbuild_apply(&m, "p", 2);
	l7->service_names[1] = (struct stats_l7_name){.used = STATS_LIVE, .name = "site"};
	metricsbuild_read(&m, NULL);
	cr_expect_str_eq(
		metricsbuild_value(&m, "lb_backend_requests_total{pool=\"p\",backend=\"b0\"}"),
		"0");
	cr_expect_str_eq(
		metricsbuild_value(&m, "lb_streams_total{service=\"site\",protocol=\"sse\"}"), "0");
	cr_expect_str_eq(metricsbuild_value(&m, count), "");
	cr_expect_str_eq(metricsbuild_value(&m, duration), "");
	l7->backends[1].requests = 1;
	l7->services[1].connections = 1;
	metricsbuild_read(&m, NULL);
	cr_expect_str_eq(metricsbuild_value(&m, count), "0");
	cr_expect_str_eq(metricsbuild_value(&m, duration), "0");
	cr_expect_str_eq(metricsbuild_value(&m, gap), "");
	l7->services[1].streams_grpc = 1;
	metricsbuild_read(&m, NULL);
	cr_expect_str_eq(metricsbuild_value(&m, gap), "0");
}

Test(metrics, what_found_no_room_is_one_more_under_one_name)
{
	struct stats_l7 *l7 = &m.b.manager.telemetry.store;

	metricsbuild_apply(&m, "p", 1);
	l7->backends[STATS_L7_OTHER].requests = 3;
	l7->services[STATS_L7_OTHER].connections = 4;
	metricsbuild_read(&m, NULL);
	metricsbuild_check(&m);
	cr_expect_str_eq(
		metricsbuild_value(
			&m, "lb_backend_requests_total{pool=\"(other)\",backend=\"(other)\"}"),
		"3");
	cr_expect_str_eq(
		metricsbuild_value(&m, "lb_connections_accepted_total{service=\"(other)\"}"), "4");
}

// --- who takes requests? ---

// Without probes, which have no verdict within a test: what is unhealthy is in test_site.c and in a smoke test.
static const struct {
	const char *sample, *value;
} states[] = {
	{"lb_backend_usable{pool=\"p\",backend=\"a\"}", "1"},
	{"lb_backend_usable{pool=\"p\",backend=\"b\"}", "0"},
	{"lb_backend_usable{pool=\"p\",backend=\"c\"}", "0"},
	{"lb_backend_usable{pool=\"p\",backend=\"d\"}", "0"},
	{"lb_backend_usable{pool=\"out\",backend=\"e\"}", "0"},
	{"lb_backend_state{pool=\"p\",backend=\"a\",state=\"up\"}", "1"},
	{"lb_backend_state{pool=\"p\",backend=\"b\",state=\"down\"}", "1"},
	{"lb_backend_state{pool=\"p\",backend=\"b\",state=\"up\"}", ""},
	{"lb_backend_state{pool=\"p\",backend=\"c\",state=\"drain\"}", "1"},
	{"lb_backend_state{pool=\"p\",backend=\"d\",state=\"up\"}", "1"},
	{"lb_backend_state{pool=\"out\",backend=\"e\",state=\"down\"}", "1"},
	{"lb_pool_usable_backends{pool=\"p\"}", "1"},
	{"lb_pool_usable_backends{pool=\"empty\"}", "0"},
	{"lb_pool_usable_backends{pool=\"out\"}", "0"},
	{"lb_pool_usable_backends{pool=\"spare\"}", ""}, // no route asks it
	{"lb_pool_failed_open{pool=\"p\"}", "0"},
	{"lb_pool_failed_open{pool=\"empty\"}", "0"},
};

Test(metrics, every_backend_of_every_pool_has_its_state_and_whether_it_is_used)
{
	char text[1024];
	struct err err;

	snprintf(text, sizeof(text),
	         "{'node': 'edge-1', 'stats': '%s', 'workers': 1, 'pools': ["
	         "{'name': 'p', 'backends': [{'name': 'a', 'address': '127.0.0.1', 'port': 80},"
	         "{'name': 'b', 'address': '127.0.0.2', 'port': 80, 'state': 'down'},"
	         "{'name': 'c', 'address': '127.0.0.3', 'port': 80, 'state': 'drain'},"
	         "{'name': 'd', 'address': '127.0.0.4', 'port': 80, 'weight': 0}]},"
	         "{'name': 'empty', 'backends': []}, {'name': 'spare', 'backends': []},"
	         "{'name': 'out', 'backends': [{'name': 'e', 'address': '127.0.0.5', 'port': 80, "
	         "'state': 'down'}]}],"
	         "'l7': [{'name': 'l', 'routes': [{'path': '/', 'pool': 'p'},"
	         "{'path': '/empty', 'pool': 'empty'}, {'path': '/out', 'pool': 'out'}]}]}",
	         m.b.dir);
	cr_assert_eq(manager_apply(&m.b.manager, managerbuild_conf(text), &err), 0, "%s", err.msg);
	metricsbuild_read(&m, NULL);
	metricsbuild_check(&m);
	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		cr_expect_str_eq(metricsbuild_value(&m, states[i].sample), states[i].value, "%s",
		                 states[i].sample);
}

// --- the model API ---

// Of a service that the configuration does not name any more, and of one that says nothing, the conventions' labels are left out.
Test(metrics, gen_ai_metrics_have_the_labels_that_the_configuration_states)
{
	static const char *const names[] = {"stated", "silent", "gone"};
	struct stats_l7 *l7 = &m.b.manager.telemetry.store;
	char text[1024];
	struct err err;

	snprintf(
		text, sizeof(text),
		"{'stats': '%s', 'workers': 1, 'services': ["
		"{'name': 'stated', 'address': '127.0.0.1', 'port': %u, 'protocol': 'tcp', 'l7': 's'},"
		"{'name': 'silent', 'address': '127.0.0.1', 'port': %u, 'protocol': 'tcp', 'l7': 't'}],"
		"'l7': [{'name': 's', 'streams': {'measure': 'tokens', 'operation': 'chat', "
		"'provider': 'openai'}, 'routes': [{'path': '/', 'answer': {'body': 'x'}}]}, "
		"{'name': 't', 'routes': [{'path': '/', 'answer': {'body': 'x'}}]}]}",
		m.b.dir, managerbuild_port(NULL), managerbuild_port(NULL));
	cr_assert_eq(manager_apply(&m.b.manager, managerbuild_conf(text), &err), 0, "%s", err.msg);
	for (uint32_t id = 1; id <= ARRAY_LEN(names); id++) {
		l7->service_names[id].used = STATS_LIVE;
		snprintf(l7->service_names[id].name, STATS_NAME_SIZE, "%s", names[id - 1]);
		l7->services[id].streams_sse = 1;
	}
	metricsbuild_read(&m, NULL);
	metricsbuild_check(&m);
	cr_expect_str_eq(metricsbuild_value(&m,
	                                    "gen_ai_server_time_per_output_token_seconds_count{"
	                                    "service=\"stated\",gen_ai_operation_name=\"chat\","
	                                    "gen_ai_provider_name=\"openai\",source=\"usage\"}"),
	                 "0");
	cr_expect_str_eq(
		metricsbuild_value(
			&m, "gen_ai_server_time_to_first_token_seconds_count{service=\"silent\"}"),
		"0");
	cr_expect_str_eq(
		metricsbuild_value(
			&m, "gen_ai_server_time_to_first_token_seconds_count{service=\"gone\"}"),
		"0");
	cr_expect_str_eq(
		metricsbuild_value(&m, "lb_time_to_first_event_seconds_count{service=\"stated\"}"),
		"0");
}

// --- does lb4d run? ---

static void expect_up(const char *value)
{
	metricsbuild_read(&m, NULL);
	cr_expect_str_eq(metricsbuild_value(&m, "lb_daemon_up{program=\"lb4d\"}"), value);
	cr_expect_str_eq(metricsbuild_value(&m, "lb_daemon_up{program=\"lb7d\"}"), "1");
}

Test(metrics, up_is_what_is_known_of_the_writer)
{
	metricsbuild_apply(&m, "p", 1);
	expect_up("1");
	m.l4.meta->writer.start--; // its number is another process's
	expect_up("0");
	m.l4.meta->writer.home++; // of another namespace: not to be known
	expect_up("");
	stats_writer_leave(&m.l4.meta->writer);
	expect_up("0");
	m.l4.meta->n_lanes = 0; // an lb7d that is alone
	expect_up("");
}

// The store of an lb7d that is alone has counters of TCP, and nothing else of lb4d's.
Test(metrics, without_lanes_there_is_nothing_of_lanes)
{
	metricsbuild_apply(&m, "p", 1);
	fill();
	m.l4.meta->n_lanes = 0;
	metricsbuild_read(&m, NULL);
	metricsbuild_check(&m);
	cr_expect_str_eq(metricsbuild_value(&m, "lb_tcp_connections_total{service=\"l4\"}"), "1");
	cr_expect_null(strstr(m.page, "lb_l4_backend_packets_total{"));
	cr_expect_null(strstr(m.page, "lb_xdp_service_packets_total{"));
}

// Of a store that is made anew, as by another version, the page that follows shows the new one.
Test(metrics, pages_that_overlap_share_lb4ds_half_and_the_next_finds_another)
{
	struct metrics *first, *second;
	char shm[STATS_DIR_SIZE], command[STATS_DIR_SIZE + 16];
	struct err err;

	metricsbuild_apply(&m, "p", 1);
	first = metrics_open(&m.b.manager);
	second = metrics_open(&m.b.manager);
	cr_assert(first && second);
	cr_assert_eq(stats_shm_dir(shm, m.b.dir), 0);
	snprintf(command, sizeof(command), "rm -r %s", shm);
	cr_assert_eq(system(command), 0);
	stats_close(&m.l4);
	cr_assert_eq(stats_open_shm(&m.l4, m.b.dir, &err), 0, "%s", err.msg);
	stats_announce(&m.l4, "edge-1", 1, (uint32_t)getpid());
	cr_expect_not_null(m.b.manager.l4);
	metrics_close(first);
	cr_expect_not_null(m.b.manager.l4, "the other goes on with it");
	metrics_close(second);
	cr_expect_null(m.b.manager.l4);
	metricsbuild_read(&m, NULL);
	cr_expect_str_eq(metricsbuild_value(&m, "lb_lane_rx_packets_total{lane=\"0\"}"), "0");
	cr_expect_str_eq(metricsbuild_value(&m, "lb_lane_rx_packets_total{lane=\"1\"}"), "");
}
