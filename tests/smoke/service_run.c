// SPDX-License-Identifier: BSD-3-Clause
// service_run DIR SERVICE: what lb7d has counted for a service, summed over its workers, as one JSON object: counters by name, and
// of each histogram "NAME_count", "NAME_sum_ns" and "NAME_p50_ns". Status 2 if there is none.
// service_run DIR -m MODEL: likewise of a model, "other" for those that the configuration does not name.
#include <stdio.h>
#include <string.h>

#include "l4/model/stats_l7.h"

static int find(const struct stats_l7 *s, const char *name, uint32_t *id)
{
	for (*id = 0; *id < s->room.n_services; ++*id) {
		const struct stats_l7_name *n = &s->service_names[*id];

		if (n->used == STATS_LIVE && strcmp(n->name, name) == 0)
			return 0;
	}
	return -1;
}

static void print_counters(const struct stats_l7 *s, uint32_t id)
{
	struct l7_service_counters sum;

	stats_l7_sum_service(s, id, &sum);
	for (size_t i = 0; i < STATS_L7_SERVICE_FIELDS; i++)
		printf("%s\"%s\":%llu", i ? "," : "{", stats_l7_service_fields[i].name,
		       (unsigned long long)stats_value(&sum, &stats_l7_service_fields[i]));
}

static void print_times(const struct stats_l7 *s, uint32_t id)
{
	static struct l7_service_histograms sum;

	stats_l7_sum_service_times(s, id, &sum);
	for (size_t i = 0; i < STATS_L7_SERVICE_TIMES; i++) {
		const char *name = stats_l7_service_time_fields[i].name;
		const struct stats_histogram *h =
			stats_l7_time(&sum, &stats_l7_service_time_fields[i]);

		printf(",\"%s_count\":%llu,\"%s_sum_ns\":%llu,\"%s_p50_ns\":%.0f", name,
		       (unsigned long long)stats_histogram_count(h), name,
		       (unsigned long long)h->sum_ns, name, stats_histogram_percentile(h, 0.5));
	}
	printf("}\n");
}

static bool is_model(const struct stats_l7_name *n, const char *name)
{
	return n->used == STATS_LIVE && strcmp(n->name, name) == 0;
}

static int print_model(const struct stats_l7 *s, const char *name)
{
	static struct l7_model_histograms times;
	struct l7_model_counters sum;
	uint32_t id = STATS_L7_OTHER;

	if (strcmp(name, "other") != 0)
		while (id < s->room.n_models && !is_model(&s->model_names[id], name))
			id++;
	if (id == s->room.n_models)
		return 2;
	stats_l7_sum_model(s, id, &sum);
	stats_l7_sum_model_times(s, id, &times);
	for (size_t i = 0; i < STATS_L7_MODEL_FIELDS; i++)
		printf("%s\"%s\":%llu", i ? "," : "{", stats_l7_model_fields[i].name,
		       (unsigned long long)stats_value(&sum, &stats_l7_model_fields[i]));
	printf(",\"ttft_count\":%llu}\n", (unsigned long long)stats_histogram_count(&times.ttft));
	return 0;
}

static int print_service(const struct stats_l7 *s, const char *name)
{
	uint32_t id;

	if (find(s, name, &id)) {
		fprintf(stderr, "no service %s\n", name);
		return 2;
	}
	print_counters(s, id);
	print_times(s, id);
	return 0;
}

int main(int argc, char **argv)
{
	struct stats_l7 s;
	struct err err;
	int rc;

	if (argc != 3 && (argc != 4 || strcmp(argv[2], "-m") != 0))
		return 2;
	if (stats_l7_open(&s, argv[1], &err)) {
		fprintf(stderr, "%s\n", err.msg);
		return 2;
	}
	rc = argc == 4 ? print_model(&s, argv[3]) : print_service(&s, argv[2]);
	stats_l7_close(&s);
	return rc;
}
