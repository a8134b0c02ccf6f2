// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>

#include <errno.h>

#include "l4/model/conf.h"
#include "tests/support/confcase.h"

Test(conf, words_are_found_by_their_text)
{
	cr_expect_eq(conf_word(conf_state_names, STATE_COUNT, "up"), STATE_UP);
	cr_expect_eq(conf_word(conf_state_names, STATE_COUNT, "drain"), STATE_DRAIN);
	cr_expect_eq(conf_word(conf_health_names, HEALTH_COUNT, "https"), HEALTH_HTTPS);
	cr_expect_eq(conf_word(conf_punt_names, PUNT_COUNT, "virtio_user"), PUNT_VIRTIO_USER);
}

Test(conf, no_word_is_the_empty_one)
{
	cr_expect_eq(conf_word(conf_health_names, HEALTH_COUNT, ""), -EINVAL);
	cr_expect_eq(conf_word(conf_driver_names, DRIVER_COUNT, "none"), -EINVAL);
}

Test(conf, every_value_has_a_name)
{
	static const struct {
		const char *const *names;
		size_t n;
	} tables[] = {
		{conf_driver_names, DRIVER_COUNT},   {conf_punt_names, PUNT_COUNT},
		{conf_idle_names, IDLE_COUNT},       {conf_protocol_names, PROTO_COUNT},
		{conf_forward_names, FORWARD_COUNT}, {conf_balance_names, BALANCE_COUNT},
		{conf_state_names, STATE_COUNT},     {conf_health_names, HEALTH_COUNT},
	};

	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		for (size_t k = 0; k < tables[i].n; k++)
			cr_expect_not_null(tables[i].names[k], "table %zu, value %zu", i, k);
}

Test(conf, names_lead_to_their_objects)
{
	struct conf *c = confcase_parse(NULL, NULL);

	cr_expect_eq(conf_pool_find(c, "six"), &c->pools[2]);
	cr_expect_eq(conf_service_find(c, "api"), &c->services[2]);
	cr_expect_eq(conf_backend_find(&c->pools[1], "h3-2"), &c->pools[1].backends[1]);
	cr_expect_null(conf_pool_find(c, "si"));
	cr_expect_null(conf_service_find(c, ""));
	cr_expect_null(conf_backend_find(&c->pools[1], "web-1"));
	conf_free(c);
}

Test(conf, freeing_nothing_is_fine)
{
	conf_free(NULL);
}
