// SPDX-License-Identifier: BSD-3-Clause
// steer_run INTERFACE DIR: attaches the XDP program to the interface as DPDK's net_af_xdp does it, fills its
// maps through bpf/attach.h, makes a counter store in DIR and feeds it packets by BPF_PROG_TEST_RUN. Says one
// line for each claim; exit status 1 if one does not hold. Needs root.
// steer_run INTERFACE bench DIR: what a packet costs the program, with its service counted and not (tests/bench/telemetry.sh).
// steer_run INTERFACE windows DIR TURNS: the same of one packet, as telemetry/paired.py takes it (tests/bench/telemetry_total.sh).
// steer_run INTERFACE serve ADDRESS PORT: makes that the only service of the program that is on it.
// steer_run INTERFACE count: prints what that program has counted.
#include "bpf/attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "l4/base/clock.h"
#include "l4/model/stats.h"
#include "tests/smoke/steer_packets.h"
#include "tests/support/pktbuild.h"

static int n_failed;
static struct stats store;

static void claim(bool holds, const char *name, const char *detail)
{
	printf("%s %s%s%s\n", holds ? "ok    " : "FAILED", name, *detail ? ": " : "", detail);
	n_failed += !holds;
}

static void check(int rc, const struct err *err)
{
	if (rc >= 0)
		return;
	printf("FAILED %s\n", err->msg);
	exit(1);
}

static struct attach_entry entry(const char *address, uint16_t port, uint8_t proto, uint32_t what)
{
	struct attach_entry e = {.key = {.port = htons(port), .proto = proto, .family = 4},
	                         .target = {.what = what}};

	if (inet_pton(AF_INET, address, e.key.addr) == 1)
		return e;
	e.key.family = 6;
	if (inet_pton(AF_INET6, address, e.key.addr) != 1)
		abort();
	return e;
}

static struct attach_entry entry_of(const char *address, uint16_t port, uint8_t proto,
                                    uint32_t what, uint32_t service)
{
	struct attach_entry e = entry(address, port, proto, what);

	e.target.service = service;
	return e;
}

static bool is_ip6(const char *address)
{
	return strchr(address, ':');
}

static void add_l4(struct pktbuild *b, const struct packet *p)
{
	if (p->proto == ICMP || p->proto == ICMP6) {
		pktbuild_icmp(b, .type = p->icmp);
		if (p->inner && is_ip6(p->inner))
			pktbuild_ip6(b, .src = p->inner, .dst = "2001:db8::7");
		else if (p->inner)
			pktbuild_ip4(b, .src = p->inner, .dst = "198.51.100.7");
		if (p->inner)
			pktbuild_tcp(b, .sport = p->port, .dport = 40000);
	} else if (p->proto == UDP) {
		pktbuild_udp(b, .sport = 40000, .dport = p->port);
	} else if (!p->proto) {
		pktbuild_tcp(b, .sport = 40000, .dport = p->port);
	}
	pktbuild_fill(b, 16);
}

static void add_ip6(struct pktbuild *b, const struct packet *p, const char *dst)
{
	static const uint8_t routing[6] = {4}; // type 4: segment routing, nothing left to visit

	pktbuild_ip6(b, .dst = dst, .payload_len = p->total_len);
	for (size_t i = 0; i < p->n_ext; i++)
		pktbuild_ext(b, .type = 60);
	if (p->ext)
		pktbuild_ext(b, .type = p->ext, .body = routing, .body_len = sizeof(routing));
	if (p->frag)
		pktbuild_frag6(b, .offset = p->frag == 2 ? 5 : 0, .more = p->frag == 1);
}

static size_t build(struct pktbuild *b, const struct packet *p)
{
	static const uint8_t nops[40] = {[0 ... 39] = 1};
	const char *dst = p->dst ? p->dst : vip4;
	size_t len;

	pktbuild_start(b);
	pktbuild_eth(b, .type = p->type, .dst = p->mac);
	for (size_t i = 0; i < p->tags; i++)
		pktbuild_vlan(b, .tci = 7);
	if (is_ip6(dst))
		add_ip6(b, p, dst);
	else
		pktbuild_ip4(b, .dst = dst, .options = nops, .options_len = p->options,
		             .ihl = p->ihl, .frag = p->frag, .total_len = p->total_len,
		             .proto = p->proto == GRE || p->proto == ICMP6 ? p->proto : 0);
	add_l4(b, p);
	len = pktbuild_end(b);
	return p->cut && p->cut < len ? p->cut : len;
}

// --- the program ---

static int run(int prog_fd, const struct packet *p, uint32_t *len)
{
	struct pktbuild b;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = b.byte, .repeat = 1);

	*len = (uint32_t)build(&b, p);
	opts.data_size_in = *len;
	if (bpf_prog_test_run_opts(prog_fd, &opts)) {
		printf("FAILED %s: BPF_PROG_TEST_RUN: %s\n", p->name, strerror(errno));
		exit(1);
	}
	return (int)opts.retval;
}

// Which counter moved, "none" or "several".
static const char *moved(const struct steer_counters *before, const struct steer_counters *after)
{
	const char *name = "none";

	for (size_t i = 0; i < STATS_STEER_FIELDS; i++) {
		const struct stats_field *f = &stats_steer_fields[i];
		uint64_t n = stats_value(after, f) - stats_value(before, f);

		if (n)
			name = n == 1 && strcmp(name, "none") == 0 ? f->name : "several";
	}
	return name;
}

// The counter of a service that moves with one of the program.
static const char *twin(const char *name)
{
	return strcmp(name, "service") == 0 ? "packets" : name;
}

static uint64_t named(const struct steer_service_counters *c, const char *name)
{
	for (size_t i = 0; i < STATS_STEER_SERVICE_FIELDS; i++)
		if (strcmp(stats_steer_service_fields[i].name, name) == 0)
			return stats_value(c, &stats_steer_service_fields[i]);
	abort();
}

static uint64_t total(const struct steer_service_counters *c)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < STATS_STEER_SERVICE_FIELDS; i++)
		sum += stats_value(c, &stats_steer_service_fields[i]);
	return sum;
}

static void read_services(struct steer_service_counters out[N_SERVICES])
{
	for (uint16_t id = 0; id < N_SERVICES; id++)
		stats_sum_steer_service(&store, id, &out[id]);
}

// Whether the packet of `len` bytes moved what it should of its service's counters, and nothing else.
static bool is_counted(const struct packet *p, uint32_t len,
                       const struct steer_service_counters before[N_SERVICES],
                       const struct steer_service_counters after[N_SERVICES])
{
	bool has_bytes = strcmp(p->want, "service") == 0 || strcmp(p->want, "passed") == 0;
	const char *bytes = strcmp(p->want, "passed") == 0 ? "passed_bytes" : "bytes";

	for (uint16_t id = 0; id < N_SERVICES; id++) {
		uint64_t want = id && id == p->id ? 1 : 0;
		uint64_t want_bytes = want && has_bytes ? len : 0;

		if (total(&after[id]) - total(&before[id]) != want + want_bytes)
			return false;
		if (want &&
		    named(&after[id], twin(p->want)) - named(&before[id], twin(p->want)) != 1)
			return false;
		if (named(&after[id], bytes) - named(&before[id], bytes) != want_bytes)
			return false;
	}
	return true;
}

static void check_packet(const struct attach_steer *s, int prog_fd, const struct packet *p)
{
	struct steer_service_counters services[2][N_SERVICES];
	uint32_t len;
	struct steer_counters before, after;
	int action, want = strcmp(p->want, "passed") == 0 ? XDP_PASS : XDP_REDIRECT;
	char detail[64];

	if (strcmp(p->want, "no_socket") == 0)
		want = XDP_DROP;
	if (attach_steer_count(s, &before))
		abort();
	read_services(services[0]);
	action = run(prog_fd, p, &len);
	read_services(services[1]);
	if (attach_steer_count(s, &after))
		abort();
	snprintf(detail, sizeof(detail), "%s %s",
	         action == XDP_REDIRECT ? "XDP_REDIRECT"
	         : action == XDP_DROP   ? "XDP_DROP"
	                                : "XDP_PASS",
	         moved(&before, &after));
	claim(action == want && strcmp(moved(&before, &after), p->want) == 0, p->name, detail);
	if (!is_counted(p, len, services[0], services[1]))
		claim(false, p->name, "not counted for its service alone");
}

static size_t all_entries(struct attach_entry *e)
{
	size_t n = 0;

	e[n++] = entry_of(vip4, 80, TCP, STEER_SERVICE, WEB4);
	e[n++] = entry_of(vip4, 443, UDP, STEER_SERVICE, DNS4);
	e[n++] = entry_of(vip4, 443, TCP, STEER_PASSED, L7_4);
	e[n++] = entry(vip4, 0, 0, STEER_VIP);
	e[n++] = entry_of(vip6, 80, TCP, STEER_SERVICE, WEB6);
	e[n++] = entry_of(vip6, 0, 0, STEER_VIP, WEB6);
	e[n++] = entry(snat4, 0, 0, STEER_SNAT);
	e[n++] = entry(snat6, 0, 0, STEER_SNAT);
	return n;
}

// What pktbuild addresses frames to unless told otherwise, and one more.
static const struct steer_config config = {
	SNAT_FIRST, SNAT_LAST, 2, {{2, 0, 0, 0, 0, 9}, {2, 0, 0, 0, 0, 1}}};

// A socket that has a receive ring is good enough for xsks_map; nothing is ever received.
static void set_socket(struct bpf_object *obj)
{
	int map_fd = bpf_map__fd(bpf_object__find_map_by_name(obj, "xsks_map"));
	int xsk = socket(AF_XDP, SOCK_RAW, 0);
	int queue = 0, entries = 64;

	if (xsk < 0 || setsockopt(xsk, SOL_XDP, XDP_RX_RING, &entries, sizeof(entries)) ||
	    bpf_map_update_elem(map_fd, &queue, &xsk, 0)) {
		printf("FAILED AF_XDP socket: %s\n", strerror(errno));
		exit(1);
	}
}

// As load_custom_xdp_prog() of DPDK 22.11 does it: the first program of the object, and only if there is
// none on the interface yet.
static struct bpf_object *load(unsigned if_index, int *prog_fd)
{
	char path[ATTACH_PATH_SIZE];
	struct bpf_object *obj;
	struct err err;
	int fd = attach_steer_object(path, &err);

	check(fd, &err);
	obj = bpf_object__open_file(path, NULL);
	if (!obj || bpf_object__load(obj)) {
		printf("FAILED to load %s: %s\n", path, strerror(errno));
		exit(1);
	}
	close(fd);
	*prog_fd = bpf_program__fd(bpf_object__next_program(obj, NULL));
	if (bpf_xdp_attach((int)if_index, *prog_fd, XDP_FLAGS_UPDATE_IF_NOEXIST, NULL)) {
		printf("FAILED to attach: %s\n", strerror(errno));
		exit(1);
	}
	return obj;
}

// One process changes the services around one that stays, the other looks at it.
static void check_update_is_seamless(const struct attach_steer *s, int prog_fd)
{
	static const struct packet stays = {"a service that stays", "service", .port = 80};
	struct attach_entry e[2] = {entry(vip4, 80, TCP, STEER_SERVICE)};
	int n_passed = 0;
	struct err err;
	uint32_t len;
	pid_t child;

	check(attach_steer_update(s, e, 1, &config, &err), &err);
	child = fork();
	for (uint16_t port = 1; child == 0; port++) {
		e[1] = entry(vip6, port, UDP, STEER_SERVICE);
		check(attach_steer_update(s, e, 2, &config, &err), &err);
	}
	for (int i = 0; i < 50000; i++)
		n_passed += run(prog_fd, &stays, &len) != XDP_REDIRECT;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	claim(n_passed == 0, "no packet of a service that stays is passed while others change", "");
}

static void check_updates(const struct attach_steer *s, int prog_fd)
{
	static const struct packet left = {"a service that left goes to the kernel", "passed",
	                                   .port = 443, .proto = UDP};
	static const struct packet kept = {"a service that stayed does not", "service", .port = 80,
	                                   .id = WEB4};
	static const struct packet empty = {"without services all goes to the kernel", "passed",
	                                    .port = 80};
	struct attach_entry e[16], many[STEER_MAX_ENDPOINTS / 4];
	size_t n = all_entries(e);
	struct err err;

	e[1] = e[--n];
	check(attach_steer_update(s, e, n, &config, &err), &err);
	check_packet(s, prog_fd, &left);
	check_packet(s, prog_fd, &kept);
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		many[i] = entry(vip4, (uint16_t)(i + 1), TCP, STEER_SERVICE);
	check(attach_steer_update(s, many, ARRAY_LEN(many), &config, &err), &err);
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		many[i] = entry(vip6, (uint16_t)(i + 1), TCP, STEER_SERVICE);
	claim(attach_steer_update(s, many, ARRAY_LEN(many), &config, &err) == 0,
	      "a configuration can be replaced by one that shares nothing with it", "");
	check(attach_steer_update(s, NULL, 0, &config, &err), &err);
	check_packet(s, prog_fd, &empty);
	check_update_is_seamless(s, prog_fd);
}

static void check_unknown_mac(const struct attach_steer *s, int prog_fd)
{
	static const struct packet any = {
		"while our MAC is not known, no unicast frame is another's", "service", .port = 80,
		.mac = "02:00:00:00:00:02", .id = WEB4};
	static const struct packet all = {"but a broadcast one is not ours alone", "passed",
	                                  .port = 80, .mac = "ff:ff:ff:ff:ff:ff"};
	static const struct steer_config no_mac = {.snat_first = SNAT_FIRST,
	                                           .snat_last = SNAT_LAST};
	struct attach_entry e[16];
	struct err err;

	check(attach_steer_update(s, e, all_entries(e), &no_mac, &err), &err);
	check_packet(s, prog_fd, &any);
	check_packet(s, prog_fd, &all);
}

static void check_ownership(unsigned if_index)
{
	const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	struct attach_steer s;
	struct err err = {0};
	int fd;

	claim(attach_steer_detach(if_index, &err) == 0, "our program is taken off the interface",
	      err.msg);
	claim(attach_steer_detach(if_index, &err) == 0, "taking off nothing is no error", "");
	claim(attach_steer_open(&s, if_index, &err) == -ENOENT, "no program is said to be none",
	      err.msg);
	fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "stranger", "GPL", pass, ARRAY_LEN(pass), NULL);
	if (fd < 0 || bpf_xdp_attach((int)if_index, fd, 0, NULL))
		claim(false, "a stranger's program can be attached", strerror(errno));
	claim(attach_steer_open(&s, if_index, &err) == -ENOENT, "a stranger's program is not ours",
	      err.msg);
	claim(attach_steer_detach(if_index, &err) == -EBUSY, "a stranger's program stays", err.msg);
	bpf_xdp_detach((int)if_index, 0, NULL);
}

static void open_store(const char *dir)
{
	int fds[STATS_REGION_COUNT];
	struct err err;

	check(attach_stats(dir, fds, &err), &err);
	check(stats_map(&store, fds, true, true, &err), &err);
	stats_announce(&store, "smoke", 0, (uint32_t)getpid());
}

static void check_without_store(const struct attach_steer *s, int prog_fd)
{
	static const struct packet uncounted = {"without a store the same, and no service counts",
	                                        "service", .port = 80};

	check_packet(s, prog_fd, &uncounted);
}

// A CPU has its own slot, so that nobody else adds to what it adds to.
static void check_slots(int prog_fd)
{
	static const struct packet any = {.name = "slots", .port = 80};
	int n_cpus = (int)sysconf(_SC_NPROCESSORS_CONF);

	for (int cpu = 0; cpu < n_cpus && cpu < STATS_CPU_SLOTS - 1; cpu++) {
		const struct steer_service_counters *mine =
			&store.steer_services[cpu * STATS_SERVICES + WEB4];
		uint64_t before = mine->packets;
		char detail[32];
		cpu_set_t set;
		uint32_t len;

		CPU_ZERO(&set);
		CPU_SET((size_t)cpu, &set);
		if (sched_setaffinity(0, sizeof(set), &set))
			continue; // offline
		run(prog_fd, &any, &len);
		snprintf(detail, sizeof(detail), "CPU %d", cpu);
		claim(mine->packets == before + 1, "a CPU counts in its own slot", detail);
	}
}

// A program that comes after this one, as after a restart of the daemon.
static void check_next_program(unsigned if_index, const char *dir)
{
	static const struct packet again = {"the next program goes on counting", "no_socket",
	                                    .port = 80, .id = WEB4};
	struct steer_service_counters before, after;
	struct attach_entry e[16];
	struct attach_steer s;
	struct bpf_object *obj;
	struct err err;
	int prog_fd;

	stats_sum_steer_service(&store, WEB4, &before);
	obj = load(if_index, &prog_fd);
	check(attach_steer_open(&s, if_index, &err), &err);
	check(attach_steer_store(&s, dir, &err), &err);
	check(attach_steer_update(&s, e, all_entries(e), &config, &err), &err);
	check_packet(&s, prog_fd, &again);
	stats_sum_steer_service(&store, WEB4, &after);
	claim(before.packets > 0 && after.packets == before.packets &&
	              after.no_socket == before.no_socket + 1,
	      "what the last one counted is still there", "");
	attach_steer_close(&s);
	check(attach_steer_detach(if_index, &err), &err);
	bpf_object__close(obj);
}

static void check_all(unsigned if_index, const char *dir)
{
	static const struct packet lonely = {"no socket: dropped, nobody answers for the lane",
	                                     "no_socket", .port = 80};
	struct attach_entry e[16];
	struct attach_steer s;
	struct bpf_object *obj;
	struct err err;
	int prog_fd;

	open_store(dir);
	obj = load(if_index, &prog_fd);
	check(attach_steer_open(&s, if_index, &err), &err);
	check(attach_steer_update(&s, e, all_entries(e), &config, &err), &err);
	claim(attach_steer_store(&s, "/nowhere", &err) == -ENOENT, "a store that is not there",
	      err.msg);
	check_packet(&s, prog_fd, &lonely);
	set_socket(obj);
	check_without_store(&s, prog_fd);
	check(attach_steer_store(&s, dir, &err), &err);
	for (size_t i = 0; i < ARRAY_LEN(packets); i++)
		check_packet(&s, prog_fd, &packets[i]);
	check_slots(prog_fd);
	check_unknown_mac(&s, prog_fd);
	check_updates(&s, prog_fd);
	attach_steer_close(&s);
	check_ownership(if_index);
	bpf_object__close(obj);
	check_next_program(if_index, dir);
	stats_close(&store);
}

// --- what it costs ---

// Many short rounds in turn: what else runs on the machine then hits both alike.
enum { BENCH_ROUNDS = 151, BENCH_REPEAT = 25000 };

static int compare_numbers(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

// Nanoseconds for one packet, the mean of many.
static double cost(int prog_fd, const struct packet *p)
{
	struct pktbuild b;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = b.byte, .repeat = BENCH_REPEAT);
	uint64_t began_ns;

	opts.data_size_in = (uint32_t)build(&b, p);
	began_ns = clock_now_ns();
	if (bpf_prog_test_run_opts(prog_fd, &opts)) {
		printf("FAILED BPF_PROG_TEST_RUN: %s\n", strerror(errno));
		exit(1);
	}
	return (double)(clock_now_ns() - began_ns) / BENCH_REPEAT;
}

// What an operator switches: telemetry.steer, false, leaves the program without a store. The kernel waits for whoever may be using
// the map that is taken away, and not if there was none: see warm_cost().
static void set_counted(const struct attach_steer *s, const char *dir, bool is_counted)
{
	uint32_t zero = 0;
	struct err err;

	if (is_counted)
		check(attach_steer_store(s, dir, &err), &err);
	else if (bpf_map_delete_elem(s->store_fd, &zero) && errno != ENOENT)
		abort();
}

// The same after as many packets that are not measured: a switch makes this process sleep or does not, and whoever has
// slept finds caches cold and his clock slow.
static double warm_cost(int prog_fd, const struct packet *p)
{
	cost(prog_fd, p);
	return cost(prog_fd, p);
}

static void bench_packet(const struct attach_steer *s, int prog_fd, const struct packet *p,
                         const char *dir)
{
	double on[BENCH_ROUNDS], off[BENCH_ROUNDS];

	for (size_t i = 0; i < BENCH_ROUNDS; i++) {
		set_counted(s, dir, false);
		off[i] = warm_cost(prog_fd, p);
		set_counted(s, dir, true);
		on[i] = warm_cost(prog_fd, p);
	}
	qsort(on, BENCH_ROUNDS, sizeof(*on), compare_numbers);
	qsort(off, BENCH_ROUNDS, sizeof(*off), compare_numbers);
	printf("bench %s ours=%.1f yardstick=%.1f ratio=%.3f\n", p->name, on[BENCH_ROUNDS / 2],
	       off[BENCH_ROUNDS / 2], on[BENCH_ROUNDS / 2] / off[BENCH_ROUNDS / 2]);
}

// Every other turn the other way round.
static void windows(const struct attach_steer *s, int prog_fd, const char *dir, int n_turns)
{
	static const struct packet lane = {"", "", .port = 80};
	static const char *const names[] = {"off", "on", "again"};

	for (int turn = 0; turn < n_turns; turn++)
		for (size_t i = 0; i < ARRAY_LEN(names); i++) {
			const char *name = names[turn % 2 ? ARRAY_LEN(names) - 1 - i : i];

			set_counted(s, dir, strcmp(name, "on") == 0);
			printf("%d %s %.0f %d\n", turn, name,
			       warm_cost(prog_fd, &lane) * BENCH_REPEAT, BENCH_REPEAT);
		}
}

// n_turns 0: medians of all kinds of packets.
static void bench(unsigned if_index, const char *dir, int n_turns)
{
	static const struct packet kinds[] = {
		{"steer_to_lane", "", .port = 80},
		{"steer_to_lane_ip6", "", vip6, .port = 80},
		{"steer_to_l7", "", .port = 443},
		{"steer_not_ours", "", .port = 22},
	};
	struct attach_entry e[16];
	struct attach_steer s;
	struct bpf_object *obj;
	struct err err;
	int prog_fd;

	open_store(dir);
	obj = load(if_index, &prog_fd);
	check(attach_steer_open(&s, if_index, &err), &err);
	check(attach_steer_update(&s, e, all_entries(e), &config, &err), &err);
	set_socket(obj);
	if (n_turns)
		windows(&s, prog_fd, dir, n_turns);
	for (size_t i = 0; !n_turns && i < ARRAY_LEN(kinds); i++)
		bench_packet(&s, prog_fd, &kinds[i], dir);
	attach_steer_close(&s);
	check(attach_steer_detach(if_index, &err), &err);
	bpf_object__close(obj);
	stats_close(&store);
}

static void print_counters(unsigned if_index)
{
	struct steer_counters counters;
	struct attach_steer s;
	struct err err;

	check(attach_steer_open(&s, if_index, &err), &err);
	check(attach_steer_count(&s, &counters), &err);
	for (size_t i = 0; i < STATS_STEER_FIELDS; i++)
		printf("%s=%llu\n", stats_steer_fields[i].name,
		       (unsigned long long)stats_value(&counters, &stats_steer_fields[i]));
	attach_steer_close(&s);
}

static void serve(unsigned if_index, const char *address, const char *port)
{
	static const struct steer_config any_mac = {.snat_first = SNAT_FIRST,
	                                            .snat_last = SNAT_LAST};
	struct attach_entry e = entry(address, (uint16_t)atoi(port), TCP, STEER_SERVICE);
	struct attach_steer s;
	struct err err;

	check(attach_steer_open(&s, if_index, &err), &err);
	check(attach_steer_update(&s, &e, 1, &any_mac, &err), &err);
	attach_steer_close(&s);
}

int main(int argc, char **argv)
{
	unsigned if_index = argc > 1 ? if_nametoindex(argv[1]) : 0;

	if (if_index && argc == 3 && argv[2][0] == '/')
		check_all(if_index, argv[2]);
	else if (if_index && argc == 4 && strcmp(argv[2], "bench") == 0)
		bench(if_index, argv[3], 0);
	else if (if_index && argc == 5 && strcmp(argv[2], "windows") == 0)
		bench(if_index, argv[3], atoi(argv[4]));
	else if (if_index && argc == 3 && strcmp(argv[2], "count") == 0)
		print_counters(if_index);
	else if (if_index && argc == 5 && strcmp(argv[2], "serve") == 0)
		serve(if_index, argv[3], argv[4]);
	else
		return 2;
	return n_failed ? 1 : 0;
}
