// SPDX-License-Identifier: BSD-3-Clause
// What clients connect to.
#include "tools/lbtop_page.h"

#define VALUE(field) LBTOP_VALUE(service_counters, field)
#define STEER(field) LBTOP_VALUE(steer_service_counters, field)
#define L7(field) LBTOP_VALUE(l7_service_counters, field)
#define TIME(field) LBTOP_TIME_OF(l7_service_histograms, field)

static void protocol(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	const struct lbtop_row *row = item->pair[LBTOP_LB4D].now;

	out->text = !row ? "tcp" : *row->protocol ? row->protocol : "-";
}

static void forward(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	const struct lbtop_row *row = item->pair[LBTOP_LB4D].now;

	out->text = row && *row->forward         ? row->forward
	            : item->pair[LBTOP_LB7D].now ? "local"
	                                         : "-";
}

// What the XDP program left to the kernel, as it is for the workers: no lane has seen it.
static double passed(const struct lbtop_item *item, uint16_t value)
{
	const struct lbtop_row *row = item->pair[LBTOP_LB4D].now;
	struct lbtop_pair p;

	row = row ? lbtop_sample_find(item->model->now, LBTOP_STEER, row->id) : NULL;
	if (!row)
		return NAN;
	p = lbtop_model_pair(item->model, LBTOP_STEER, row);
	return lbtop_model_rate(&p, value);
}

static void packets(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	lbtop_page_rate(out, item, VALUE(packets));
	out->number = lbtop_page_add(out->number, passed(item, STEER(passed)));
}

// Bytes of both directions where both pass through us.
static void bits(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	const struct lbtop_pair *p = &item->pair[LBTOP_LB4D];

	if (p->now)
		out->number = 8 * lbtop_page_add(lbtop_model_rate(p, VALUE(bytes)) +
		                                         lbtop_model_rate(p, VALUE(reply_bytes)),
		                                 passed(item, STEER(passed_bytes)));
}

static void connections(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	struct lbtop_value l7 = {.number = NAN};

	lbtop_page_rate(out, item, VALUE(new_flows));
	lbtop_page_l7_rate(&l7, item, L7(connections));
	out->number = lbtop_page_add(out->number, l7.number);
}

// clang-format off
const struct lbtop_column lbtop_page_services[LBTOP_SERVICES_COLUMNS] = {
	{"SERVICE", "its name in the configuration", .is_text = true, .get = lbtop_page_name},
	{"ADDRESS", "what clients connect to", .is_text = true, .rank = 10, .get = lbtop_page_address},
	{"PROTO", "tcp, udp or quic", .is_text = true, .rank = 9, .get = protocol},
	{"MODE", "dsr, nat, or local: answered by the L7 workers", .is_text = true, .rank = 8, .get = forward},
	{"PKT/S", "packets from clients", .get = packets},
	{"BIT/S", "bits from clients, and for nat of the answers", .get = bits},
	{"NEW/S", "flows that were given a backend; L7: connections of clients", .rank = 1, .get = connections},
	{"FWD/S", "packets forwarded", .rank = 12, .value = VALUE(forwarded), .get = lbtop_page_rate},
	{"REPLY/S", "nat: packets from backends", .rank = 11, .value = VALUE(reply_packets), .get = lbtop_page_rate},
	{"DROP/S", "packets dropped, for any reason", .rank = 2, .value = VALUE(dropped), .get = lbtop_page_bad_rate},
	{"REQ/S", "L7: requests", .value = L7(requests), .get = lbtop_page_l7_rate},
	{"5XX/S", "L7: answers of the class 5xx", .rank = 3, .value = L7(responses_5xx), .get = lbtop_page_l7_bad_rate},
	{"ACTIVE", "L7: requests and streams on their way", .rank = 6, .value = L7(requests_active), .get = lbtop_page_l7_total},
	{"P50", "L7: first byte of a request until the head of its answer, half of the last minute", .unit = LBTOP_TIME, .rank = 5, .value = TIME(time_to_first_byte), .get = lbtop_page_p50},
	{"P99", "the same, 99 of 100", .unit = LBTOP_TIME, .rank = 4, .value = TIME(time_to_first_byte), .get = lbtop_page_p99},
	{"CID/S", "quic: routed by connection id", .rank = 13, .value = VALUE(quic_cid), .get = lbtop_page_rate},
	{"MIGR/S", "quic nat: connections that went on from a new path", .rank = 14, .value = VALUE(quic_migrations), .get = lbtop_page_rate},
};

const struct lbtop_column lbtop_page_busiest[LBTOP_BUSIEST_COLUMNS] = {
	{"SERVICE", "its name in the configuration", .is_text = true, .get = lbtop_page_name},
	{"PKT/S", "packets from clients", .get = packets},
	{"BIT/S", "bits from clients, and for nat of the answers", .get = bits},
	{"NEW/S", "flows that were given a backend; L7: connections of clients", .get = connections},
	{"DROP/S", "packets dropped, for any reason", .value = VALUE(dropped), .get = lbtop_page_bad_rate},
	{"REQ/S", "L7: requests", .value = L7(requests), .get = lbtop_page_l7_rate},
	{"5XX/S", "L7: answers of the class 5xx", .value = L7(responses_5xx), .get = lbtop_page_l7_bad_rate},
	{"P99", "L7: first byte of a request until the head of its answer, 99 of 100 of the last minute", .unit = LBTOP_TIME, .rank = 1, .value = TIME(time_to_first_byte), .get = lbtop_page_p99},
	{"ADDRESS", "what clients connect to", .is_text = true, .rank = 2, .get = lbtop_page_address},
};
// clang-format on

bool lbtop_page_collect_services(const struct lbtop_scope *scope, struct lbtop_items *items)
{
	return lbtop_page_join(scope, LBTOP_SERVICE, LBTOP_L7_SERVICE, items);
}
