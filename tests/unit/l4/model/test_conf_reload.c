// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>

#include <errno.h>

#include "l4/model/conf.h"
#include "tests/support/confcase.h"

static const struct {
	const char *from, *to, *want; // want "" = may change
} cases[] = {
	{"'eth1'", "'eth2'", "ports[1].device: can only change by a restart"},
	{"'queues': 2", "'queues': 1", "ports[1].queues: can only change by a restart"},
	{", 'tx': 'out.pcap'", "", "ports[0].tx: can only change by a restart"},
	{"'rx': 'in.pcap'", "'rx': 'in.pcap', 'mac': '02:00:00:00:00:01'",
         "ports[0].mac: can only change by a restart"},
	{",\n    {'name': 'mgmt', 'driver': 'pci', 'device': '0000:01:00.0', 'punt': 'tap'}", "",
         "ports: can only change by a restart"},
	{"[2, 3]", "[2, 4]", "lanes[1]: can only change by a restart"},
	{"[2, 3]", "[2]", "lanes: can only change by a restart"},
	{"'lanes'", "'flows': 2048, 'lanes'", "flows: can only change by a restart"},
	{"'lanes'", "'control': 'x', 'lanes'", "control: can only change by a restart"},
	{"'lanes'", "'stats': 'x', 'lanes'", "stats: can only change by a restart"},
	{"'lanes'", "'idle': 'poll', 'lanes'", "idle: can only change by a restart"},
	{"'lanes'", "'idle_max_us': 1, 'lanes'", "idle_max_us: can only change by a restart"},
	{"'lanes'", "'hugepages': false, 'lanes'", "hugepages: can only change by a restart"},
	{"'port_first': 2048", "'port_first': 2049",
         "snat.port_first: can only change by a restart"},
	{"'port_first': 2048", "'port_first': 2048, 'port_last': 65534",
         "snat.port_last: can only change by a restart"},
	{"'lb7d.sock'", "'x.sock'", "control_l7: can only change by a restart"},
	{"'worker_memory_mb': 64", "'worker_memory_mb': 65",
         "worker_memory_mb: can only change by a restart"},
	{"'worker_connections': 5000", "'worker_connections': 5001",
         "worker_connections: can only change by a restart"},
	{NULL, NULL, ""},
	{"'access_log': '-', ", "", ""},
	{"'access_log': '-'", "'access_log': 'a.json'", ""},
	{"'admin': {'address': '::1', 'port': 9047},", "", ""},
	{"'port': 9047", "'port': 9048", ""},
	{" 'hosts': 'far',", "", ""},
	{"'line': 4096", "'line': 4097", ""},
	{"'10.0.0.2'", "'10.0.0.3'",
         "snat.addresses[0]: can only change by a restart; append new ones"},
	{"['10.0.0.2', ", "['10.0.0.3', '10.0.0.2', ",
         "snat.addresses[0]: can only change by a restart; append new ones"},
	{"'10.0.0.2', '2001:db8:1::2'", "'2001:db8:1::2', '10.0.0.2'",
         "snat.addresses[0]: can only change by a restart; append new ones"},
	{"'2001:db8:1::2'", "'2001:db8:1::2', '10.0.0.3'", ""},
	{"'weight': 7", "'weight': 8", ""},
	{"'lanes'", "'timeouts': {'udp_s': 1}, 'lanes'", ""},
	{"'lanes'", "'workers': 3, 'lanes'", "workers: can only change by a restart"},
	{"'l7': 'api'", "'l7': 'api', 'flow_table': true", ""},
};

Test(conf_reload, only_what_is_marked_needs_a_restart)
{
	struct conf *running = confcase_parse(NULL, NULL);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct conf *next = confcase_parse(cases[i].from, cases[i].to);
		struct err err = {0};

		cr_expect_eq(conf_check_reload(running, next, &err), cases[i].want[0] ? -EBUSY : 0);
		cr_expect_str_eq(err.msg, cases[i].want);
		conf_free(next);
	}
	conf_free(running);
}

Test(conf_reload, no_snat_address_goes)
{
	struct conf *running = confcase_parse("'2001:db8:1::2'", "'2001:db8:1::2', '10.0.0.3'");
	struct conf *next = confcase_parse(NULL, NULL);
	struct err err = {0};

	cr_expect_eq(conf_check_reload(running, next, &err), -EBUSY);
	cr_expect_str_eq(err.msg,
	                 "snat.addresses[2]: can only change by a restart; append new ones");
	conf_free(running);
	conf_free(next);
}
