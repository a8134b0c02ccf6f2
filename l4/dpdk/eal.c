// SPDX-License-Identifier: BSD-3-Clause
#include "l4/dpdk/eal.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <rte_mbuf.h>

#include "l4/base/log.h"
#include "l4/data/pkt.h"
#include "l4/dpdk/capture.h"

enum {
	MBUFS_BASE = 8192,      // caches, bursts, rings between lanes, the punt interfaces
	MBUFS_PER_QUEUE = 8192, // af_xdp keeps 4096 in its rings, a NIC 1024 each way
	MBUF_OVERHEAD = 192,    // struct rte_mbuf and the pool's own header
	RING_MEMORY_MB = 64,    // everything of DPDK that is not packet buffers
	MIN_DATA_ROOM = 2048 + RTE_PKTMBUF_HEADROOM,
	L2_OVERHEAD = 14 + 2 * 4,
	MAX_ARGS = 64,
};
static_assert(RTE_PKTMBUF_HEADROOM >= PKT_HEADROOM, "the corridor may prepend this much");

struct args {
	char *arg[MAX_ARGS];
	int n;
};

static void add(struct args *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void add(struct args *a, const char *fmt, ...)
{
	va_list list;

	if (a->n == MAX_ARGS - 1)
		return;
	va_start(list, fmt);
	if (vasprintf(&a->arg[a->n], fmt, list) >= 0)
		a->n++;
	va_end(list);
}

static void add_cores(struct args *a, const struct conf *conf)
{
	char text[1024];
	cpu_set_t set;
	int len = snprintf(text, sizeof(text), "0@(");

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		CPU_SET(0, &set);
	for (int cpu = 0, first = 1; cpu < CPU_SETSIZE && len < (int)sizeof(text) - 8; cpu++) {
		if (!CPU_ISSET(cpu, &set))
			continue;
		len += snprintf(text + len, sizeof(text) - (size_t)len, first ? "%d" : ",%d", cpu);
		first = 0;
	}
	len += snprintf(text + len, sizeof(text) - (size_t)len, ")");
	for (int i = 0; i < conf->n_lanes && len < (int)sizeof(text) - 16; i++)
		len += snprintf(text + len, sizeof(text) - (size_t)len, ",%d@%u", i + 1,
		                conf->lanes[i]);
	add(a, "--lcores=%s", text);
	add(a, "--main-lcore=0");
}

static void add_devices(struct args *a, const struct conf *conf)
{
	bool has_pci = false;

	for (uint16_t i = 0; i < conf->n_ports; i++) {
		if (conf->ports[i].driver != DRIVER_PCI)
			continue;
		has_pci = true;
		add(a, "--allow=%s", conf->ports[i].device);
	}
	if (!has_pci)
		add(a, "--no-pci");
}

static int check_cpus(const struct conf *conf, struct err *err)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 0; // more CPUs than cpu_set_t holds: let DPDK judge
	for (uint16_t i = 0; i < conf->n_lanes; i++)
		if (conf->lanes[i] >= CPU_SETSIZE || !CPU_ISSET(conf->lanes[i], &set))
			return err_set(err, -EINVAL,
			               "lanes[%u]: there is no CPU %u for this process", i,
			               conf->lanes[i]);
	return 0;
}

static void plan_buffers(struct eal *e, const struct conf *conf)
{
	uint32_t room = MIN_DATA_ROOM;

	e->n_mbufs = MBUFS_BASE;
	for (uint16_t i = 0; i < conf->n_ports; i++) {
		uint32_t need = conf->ports[i].mtu + L2_OVERHEAD + RTE_PKTMBUF_HEADROOM;

		e->n_mbufs += conf->ports[i].queues * MBUFS_PER_QUEUE;
		if (conf->ports[i].loop) // net_pcap loads the whole file
			e->n_mbufs += capture_count(conf->ports[i].rx);
		room = need > room ? need : room;
	}
	e->data_room = (uint16_t)((room + 127) & ~127u);
}

static uint32_t needed_mb(const struct eal *e)
{
	uint64_t bytes = (uint64_t)e->n_mbufs * (e->data_room + MBUF_OVERHEAD);

	return (uint32_t)(bytes >> 20) + RING_MEMORY_MB;
}

// `what`: "free_hugepages" or "nr_hugepages". 0 also if there is no such size.
static unsigned long count_hugepages(unsigned long size_kb, const char *what)
{
	unsigned long n = 0;
	char path[96];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%lukB/%s", size_kb, what);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%lu", &n) != 1)
		n = 0;
	fclose(f);
	return n;
}

static uint64_t free_hugepage_mb(void)
{
	static const unsigned long sizes_kb[] = {2048, 1048576};
	uint64_t kb = 0;

	for (size_t i = 0; i < ARRAY_LEN(sizes_kb); i++)
		kb += count_hugepages(sizes_kb[i], "free_hugepages") * sizes_kb[i];
	return kb / 1024;
}

static bool choose_hugepages(const struct conf *conf, uint32_t need_mb)
{
	uint64_t free_mb = free_hugepage_mb();

	if (conf->hugepages && free_mb >= need_mb)
		return true;
	if (conf->hugepages)
		LOG_WARN(
			"running without hugepages need_mb=%u free_mb=%llu hint=\"set vm.nr_hugepages, or "
			"hugepages to false\"",
			need_mb, (unsigned long long)free_mb);
	else
		LOG_INFO("running without hugepages reason=\"hugepages is false\"");
	return false;
}

// DPDK misses pages of every size that the CPU knows (lib/eal/linux/eal_hugepage_info.c). Of a size of which nobody has reserved
// any, none are missed: whether there are enough in all, choose_hugepages() has found.
static bool is_of_unwanted_pages(const char *text)
{
	unsigned long size_kb;

	return (sscanf(text, "EAL: No free %lu kB hugepages", &size_kb) == 1 ||
	        sscanf(text, "EAL: No available %lu kB hugepages", &size_kb) == 1) &&
	       count_hugepages(size_kb, "nr_hugepages") == 0;
}

// DPDK's own log lines become ours. Its chatter is of no use to an operator, its warnings are.
static ssize_t write_log(void *cookie, const char *text, size_t size)
{
	size_t len = size;
	char line[128];

	snprintf(line, sizeof(line), "%.*s", (int)size, text);
	while (len && (text[len - 1] == '\n' || text[len - 1] == ' '))
		len--;
	if (len && !is_of_unwanted_pages(line))
		LOG_WARN("dpdk says=\"%.*s\"", (int)len, text);
	return (ssize_t)size;
}

static void redirect_log(void)
{
	FILE *stream = fopencookie(NULL, "w", (cookie_io_functions_t){.write = write_log});

	if (!stream)
		return;
	setvbuf(stream, NULL, _IOLBF, BUFSIZ);
	rte_openlog_stream(stream);
}

static int start(struct eal *e, const struct conf *conf, struct err *err)
{
	struct args a = {0};
	char *copy[MAX_ARGS];
	int rc;

	add(&a, "lb4d");
	add_cores(&a, conf);
	add_devices(&a, conf);
	add(&a, "--no-telemetry");
	add(&a, "--log-level=*:%s", "warning");
	if (e->has_hugepages) {
		add(&a, "--in-memory");
	} else {
		add(&a, "--no-huge");
		add(&a, "--no-shconf");
		add(&a, "-m%u", needed_mb(e));
	}
	memcpy(copy, a.arg, sizeof(copy)); // rte_eal_init() shuffles its arguments
	rc = rte_eal_init(a.n, a.arg);
	for (int i = 0; i < a.n; i++)
		free(copy[i]);
	if (rc < 0)
		return err_set(err, -rte_errno, "DPDK did not start: %s", rte_strerror(rte_errno));
	return 0;
}

int eal_open(struct eal *e, const struct conf *conf, struct err *err)
{
	int rc = check_cpus(conf, err);

	if (rc)
		return rc;
	*e = (struct eal){0};
	plan_buffers(e, conf);
	e->has_hugepages = choose_hugepages(conf, needed_mb(e));
	redirect_log();
	rc = start(e, conf, err);
	if (rc)
		return rc;
	e->pool = rte_pktmbuf_pool_create("packets", e->n_mbufs, 256, 0, e->data_room,
	                                  (int)rte_socket_id());
	if (!e->pool) {
		rc = err_set(err, -rte_errno, "packet buffers: %u MiB are not to be had: %s",
		             needed_mb(e), rte_strerror(rte_errno));
		rte_eal_cleanup();
		return rc;
	}
	return 0;
}

void eal_close(struct eal *e)
{
	rte_mempool_free(e->pool);
	e->pool = NULL;
	rte_eal_cleanup();
}
