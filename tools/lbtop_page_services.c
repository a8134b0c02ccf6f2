// SPDX-License-Identifier: BSD-3-Clause
// What clients connect to.
#include "tools/lbtop_page.h"

#define VALUE(field) LBTOP_VALUE(service_counters, field)

static void protocol(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	out->text = item->pair[LBTOP_LB4D].now->protocol;
}

// Bytes of both directions where both pass through us.
static void bits(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	const struct lbtop_pair *p = &item->pair[LBTOP_LB4D];

	out->number =
		8 * (lbtop_model_rate(p, VALUE(bytes)) + lbtop_model_rate(p, VALUE(reply_bytes)));
}

// clang-format off
const struct lbtop_column lbtop_page_services[LBTOP_SERVICES_COLUMNS] = {
	{"SERVICE", "its name in the configuration", .is_text = true, .get = lbtop_page_name},
	{"ADDRESS", "what clients connect to", .is_text = true, .rank = 5, .get = lbtop_page_address},
	{"PROTO", "tcp, udp or quic", .is_text = true, .rank = 7, .get = protocol},
	{"PKT/S", "packets from clients", .value = VALUE(packets), .get = lbtop_page_rate},
	{"BIT/S", "bits from clients, and for nat of the answers", .get = bits},
	{"NEW/S", "flows that were given a backend", .value = VALUE(new_flows), .get = lbtop_page_rate},
	{"FWD/S", "packets forwarded", .rank = 4, .value = VALUE(forwarded), .get = lbtop_page_rate},
	{"PUNT/S", "packets given to this host", .rank = 6, .value = VALUE(punted), .get = lbtop_page_rate},
	{"REPLY/S", "nat: packets from backends", .rank = 3, .value = VALUE(reply_packets), .get = lbtop_page_rate},
	{"DROP/S", "packets dropped, for any reason", .rank = 1, .value = VALUE(dropped), .get = lbtop_page_bad_rate},
	{"CID/S", "quic: routed by connection id", .rank = 8, .value = VALUE(quic_cid), .get = lbtop_page_rate},
	{"MIGR/S", "quic nat: connections that went on from a new path", .rank = 9, .value = VALUE(quic_migrations), .get = lbtop_page_rate},
	{"PACKETS", "packets from clients, since the counters began", .rank = 2, .value = VALUE(packets), .get = lbtop_page_total},
};

const struct lbtop_column lbtop_page_busiest[LBTOP_BUSIEST_COLUMNS] = {
	{"SERVICE", "its name in the configuration", .is_text = true, .get = lbtop_page_name},
	{"PKT/S", "packets from clients", .value = VALUE(packets), .get = lbtop_page_rate},
	{"BIT/S", "bits from clients, and for nat of the answers", .get = bits},
	{"NEW/S", "flows that were given a backend", .value = VALUE(new_flows), .get = lbtop_page_rate},
	{"DROP/S", "packets dropped, for any reason", .value = VALUE(dropped), .get = lbtop_page_bad_rate},
	{"PROTO", "tcp, udp or quic", .is_text = true, .rank = 2, .get = protocol},
	{"ADDRESS", "what clients connect to", .is_text = true, .rank = 1, .get = lbtop_page_address},
};
// clang-format on

bool lbtop_page_collect_services(const struct lbtop_scope *scope, struct lbtop_items *items)
{
	const struct lbtop_rows *rows = &scope->model->now->rows[LBTOP_SERVICE];

	for (size_t i = 0; i < rows->n; i++) {
		struct lbtop_item item;

		if (rows->row[i].is_retired && !scope->shows_all)
			continue;
		item = lbtop_page_item(scope, LBTOP_SERVICE, &rows->row[i]);
		if (!lbtop_table_add(items, &item))
			return false;
	}
	return true;
}
