// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
// The XDP program of af_xdp ports: gives the lanes what is theirs and leaves everything else to the kernel.
//
//   to the lanes: packets to a service; to a snat address within the port range; ICMP errors about either;
//                 ping and fragments to a service's address; what is broken, to a service's address, so
//                 that it is counted with its reason
//   to the kernel: all the rest: ARP, ND, ssh, BGP, services of the L7 workers on the same address; frames
//                 to other MACs, which it drops: a switch that floods brings our own dsr packets back
//
// DPDK's net_af_xdp loads the object, attaches its first program and fills xsks_map, found by name.
// Where a queue has no socket (the daemon is gone for a moment), what is the lanes' is dropped: the
// kernel would answer living connections with resets, TCP repeats what is lost.
// Nothing is written to the packet. For kernels from 5.15.
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <stdbool.h>
#include <stddef.h>

#include "bpf/steer.h"
#include "l4/model/stats_layout.h"

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, STEER_MAX_QUEUES);
	__uint(key_size, sizeof(int));
	__uint(value_size, sizeof(int));
} xsks_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STEER_MAX_ENDPOINTS);
	__type(key, struct steer_endpoint);
	__type(value, struct steer_target);
} steer_endpoints SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct steer_config);
} steer_config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct steer_counters);
} steer_counters SEC(".maps");

// The counter store's, which is shared memory: a packet costs two plain additions in the slot of its CPU, which nobody
// else writes to as XDP runs to its end on the CPU that it began on. Not so on a PREEMPT_RT kernel that was built
// without PREEMPT_RT_NEEDS_BH_LOCK (a choice from 6.18 on): one that preempts another there may cost its addition.
struct steer_services {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, STATS_CPU_SLOTS *STATS_SERVICES);
	__uint(key_size, sizeof(uint32_t)); // clang writes no BTF for the types of an inner map
	__uint(value_size, sizeof(struct steer_service_counters));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__array(values, struct steer_services);
} steer_store SEC(".maps");

// Why a packet goes where it goes: CLASS_passed to the kernel, all others to a lane. Also the number of its
// counter in struct steer_counters.
enum steer_class {
#define X(name, kind, unit, help) CLASS_##name,
	COUNTERS_STEER(X)
#undef X
		CLASS_COUNT
};

enum { EXT_AUTH = 51 }; // RFC 4302
// linux/icmp.h pulls in libc; RFC 792, RFC 4443.
enum {
	ICMP4_UNREACHABLE = 3,
	ICMP4_ECHO = 8,
	ICMP4_EXCEEDED = 11,
	ICMP4_PARAMETER = 12,
	ICMP6_ECHO = 128
};
enum { IP4_OFFSET = 0x1fff, IP4_MORE = 0x2000, IP6_OFFSET_AND_MORE = 0xfff9, IP6_OFFSET = 0xfff8 };

// What is known of an IP packet after its headers were walked; also of one inside an ICMP error.
// Offsets are from the start of the frame, in bytes.
struct walk {
	struct xdp_md *ctx;
	uint32_t off;     // layer 4 header
	uint32_t limit;   // end of the IP packet
	uint32_t what;    // of the last ask(): enum steer_what
	uint32_t service; // of the same: id of the service that the packet counts for, 0 = none
	uint8_t proto;    // what is at off
	uint8_t family;
	bool is_fragment;
	bool is_later; // fragment, not the first: no ports
	uint32_t src[4];
	uint32_t dst[4];
};

enum walked { WALK_UNREADABLE, WALK_BROKEN, WALK_DONE }; // broken: the addresses are readable

// Longer than any frame that XDP sees; lets the verifier bound an offset by its bits.
enum { OFF_MASK = 0x3fff };

// The `n` bytes at `off` of the frame, NULL if they are not there.
static __always_inline const void *look(struct xdp_md *ctx, uint32_t off, uint32_t n)
{
	const void *end = (const void *)(long)ctx->data_end;
	const void *p = (const void *)(long)ctx->data + (off & OFF_MASK);

	return p + n <= end ? p : NULL;
}

// The next `n` bytes of the IP packet.
static __always_inline const void *look_inside(const struct walk *w, uint32_t n)
{
	return w->off + n <= w->limit ? look(w->ctx, w->off, n) : NULL;
}

static __always_inline bool is_ext(uint32_t proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_FRAGMENT ||
	       proto == EXT_AUTH || proto == IPPROTO_DSTOPTS;
}

static __always_inline uint32_t ext_len(uint32_t proto, uint8_t len)
{
	if (proto == IPPROTO_FRAGMENT)
		return 8;
	return proto == EXT_AUTH ? (len + 2u) * 4 : (len + 1u) * 8;
}

// The result of steer_walk_ext(): protocol and flags; the offset in the upper half.
enum {
	EXT_PROTO = 0xff,
	EXT_FRAGMENT = 0x100,
	EXT_LATER = 0x200,
	EXT_BROKEN = 0x400,
	EXT_OFF_SHIFT = 16
};

// Walks IPv6 extension headers from `off` up to `limit`; `proto` is the first. A global function: the
// verifier looks at it once, by itself; inlined, its paths multiply with those around it beyond
// the million instructions that the verifier is willing to look at.
__noinline int steer_walk_ext(struct xdp_md *ctx, uint32_t off, uint32_t limit, uint32_t proto)
{
	for (int i = 0; i < STEER_MAX_EXT && is_ext(proto); i++) {
		const uint8_t *ext = look(ctx, off, 8);
		uint32_t flags = 0, len;

		off &= OFF_MASK; // here, where all paths meet, so that they look alike to the verifier
		if (!ext || off + 8 > limit)
			return EXT_BROKEN;
		len = ext_len(proto, ext[1]);
		if (off + len > limit)
			return EXT_BROKEN;
		if (proto == IPPROTO_FRAGMENT) {
			uint32_t word = ext[2] << 8 | ext[3];

			flags |= word & IP6_OFFSET_AND_MORE ? EXT_FRAGMENT
			                                    : 0; // RFC 6946: not atomic ones
			flags |= word & IP6_OFFSET ? EXT_LATER : 0;
		}
		off += len;
		proto = ext[0];
		if (flags)
			return (int)(proto | flags | off << EXT_OFF_SHIFT);
	}
	return is_ext(proto) ? EXT_BROKEN : (int)(proto | off << EXT_OFF_SHIFT);
}

static __always_inline enum walked walk_ip6(struct walk *w)
{
	const struct ipv6hdr *ip = look(w->ctx, w->off, sizeof(*ip));
	uint32_t payload, ext;

	if (!ip || ip->version != 6)
		return WALK_UNREADABLE;
	w->family = 6;
	__builtin_memcpy(w->src, &ip->saddr, sizeof(w->src));
	__builtin_memcpy(w->dst, &ip->daddr, sizeof(w->dst));
	payload = bpf_ntohs(ip->payload_len);
	w->off += sizeof(*ip);
	if (w->off + payload > w->limit)
		return WALK_BROKEN;
	w->limit = w->off + payload;
	ext = (uint32_t)steer_walk_ext(w->ctx, w->off, w->limit, ip->nexthdr);
	w->proto = ext & EXT_PROTO;
	w->is_fragment = ext & EXT_FRAGMENT;
	w->is_later = ext & EXT_LATER;
	w->off = ext >> EXT_OFF_SHIFT;
	return ext & EXT_BROKEN ? WALK_BROKEN : WALK_DONE;
}

static __always_inline enum walked walk_ip4(struct walk *w)
{
	const struct iphdr *ip = look(w->ctx, w->off, sizeof(*ip));
	uint32_t header, total;
	uint16_t fragment;

	if (!ip || ip->version != 4)
		return WALK_UNREADABLE;
	w->family = 4;
	w->src[0] = ip->saddr;
	w->dst[0] = ip->daddr;
	header = ip->ihl * 4u;
	total = bpf_ntohs(ip->tot_len);
	if (header < sizeof(*ip) || total < header || w->off + total > w->limit)
		return WALK_BROKEN;
	fragment = bpf_ntohs(ip->frag_off);
	w->is_fragment = fragment & (IP4_OFFSET | IP4_MORE);
	w->is_later = fragment & IP4_OFFSET;
	w->limit = w->off + total;
	w->proto = ip->protocol;
	w->off += header;
	return WALK_DONE;
}

// What (address, port, protocol) is to us.
static __always_inline uint32_t ask(struct walk *w, const uint32_t addr[4], uint16_t port,
                                    uint8_t proto)
{
	struct steer_endpoint key = {.port = port, .proto = proto, .family = w->family};
	const struct steer_target *target;

	__builtin_memcpy(key.addr, addr, sizeof(key.addr));
	target = bpf_map_lookup_elem(&steer_endpoints, &key);
	w->what = target ? target->what : STEER_NONE;
	w->service = target ? target->service : 0;
	return w->what;
}

static __always_inline const struct steer_config *get_config(void)
{
	uint32_t zero = 0;

	return bpf_map_lookup_elem(&steer_config, &zero);
}

static __always_inline bool in_snat_range(uint16_t port)
{
	const struct steer_config *config = get_config();

	port = bpf_ntohs(port);
	return port && config && port >= config->snat_first && port <= config->snat_last;
}

static __always_inline bool same_addr(const uint32_t a[4], const uint32_t b[4])
{
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3];
}

// A quotation is cut short: its lengths say more than there is, so only the frame counts.
static __always_inline enum walked walk_inner(struct walk *w, struct walk *inner)
{
	inner->ctx = w->ctx;
	inner->off = w->off + 8;
	inner->limit = inner->off + 0x1ffff;
	return w->family == 4 ? walk_ip4(inner) : walk_ip6(inner);
}

// An ICMP error about what one of our addresses (`what`) sent: whose flow was it?
static __always_inline enum steer_class classify_error(struct walk *w, uint32_t what)
{
	enum steer_class broken = what == STEER_VIP ? CLASS_malformed : CLASS_passed;
	struct walk inner = {0};
	const uint16_t *ports;

	if (walk_inner(w, &inner) != WALK_DONE || inner.is_later)
		return broken;
	ports = look_inside(&inner, 8);
	if (!ports || inner.off + 8 > w->limit || !same_addr(inner.src, w->dst))
		return broken;
	if (inner.proto != IPPROTO_TCP && inner.proto != IPPROTO_UDP)
		return CLASS_passed;
	if (what == STEER_SNAT)
		return in_snat_range(ports[0]) ? CLASS_icmp : CLASS_passed;
	return ask(w, w->dst, ports[0], inner.proto) == STEER_SERVICE ? CLASS_icmp : CLASS_passed;
}

static __always_inline bool is_error(const struct walk *w, uint8_t type)
{
	if (w->family == 6) // RFC 4443 section 2.1: errors have the high bit clear
		return type < ICMP6_ECHO;
	return type == ICMP4_UNREACHABLE || type == ICMP4_EXCEEDED || type == ICMP4_PARAMETER;
}

static __always_inline enum steer_class classify_icmp(struct walk *w, uint32_t what)
{
	const uint8_t *icmp = look_inside(w, 8);

	if (!icmp)
		return what == STEER_VIP ? CLASS_malformed : CLASS_passed;
	if (icmp[0] == (w->family == 4 ? ICMP4_ECHO : ICMP6_ECHO))
		return what == STEER_VIP ? CLASS_icmp : CLASS_passed;
	return is_error(w, icmp[0]) ? classify_error(w, what) : CLASS_passed;
}

// A fragment to a snat address is ours if it shows a port of ours, the host's otherwise.
static __always_inline enum steer_class classify_fragment(struct walk *w, uint32_t what)
{
	const uint16_t *ports = look_inside(w, 4);

	if (what == STEER_VIP)
		return CLASS_fragment;
	if (!ports || w->is_later || (w->proto != IPPROTO_TCP && w->proto != IPPROTO_UDP))
		return CLASS_passed;
	return in_snat_range(ports[1]) ? CLASS_fragment : CLASS_passed;
}

static __always_inline enum steer_class classify_ports(struct walk *w)
{
	const uint16_t *ports = look_inside(w, 4);
	uint32_t what;

	if (!ports)
		return ask(w, w->dst, 0, 0) == STEER_VIP ? CLASS_malformed : CLASS_passed;
	what = ask(w, w->dst, ports[1], w->proto);
	if (what == STEER_SERVICE)
		return CLASS_service;
	if (what == STEER_PASSED)
		return CLASS_passed;
	what = ask(w, w->dst, 0, 0);
	return what == STEER_SNAT && in_snat_range(ports[1]) ? CLASS_snat : CLASS_passed;
}

static __always_inline enum steer_class classify(struct walk *w, uint16_t type)
{
	enum walked walked = type == bpf_htons(ETH_P_IP) ? walk_ip4(w) : walk_ip6(w);
	uint32_t what;

	if (walked == WALK_UNREADABLE)
		return CLASS_passed;
	if (walked == WALK_DONE && !w->is_fragment &&
	    (w->proto == IPPROTO_TCP || w->proto == IPPROTO_UDP))
		return classify_ports(w);
	what = ask(w, w->dst, 0, 0);
	if (what == STEER_NONE)
		return CLASS_passed;
	if (walked == WALK_BROKEN)
		return what == STEER_VIP ? CLASS_malformed : CLASS_passed;
	if (w->is_fragment)
		return classify_fragment(w, what);
	if (w->proto == (w->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		return classify_icmp(w, what);
	return CLASS_passed;
}

// Skips the Ethernet header and VLAN tags. Returns the EtherType in network order, 0 if unreadable.
static __always_inline uint16_t walk_eth(struct walk *w)
{
	const struct ethhdr *eth = look(w->ctx, 0, sizeof(*eth));
	uint16_t type;

	if (!eth)
		return 0;
	type = eth->h_proto;
	w->off = sizeof(*eth);
	for (int i = 0; i < STEER_MAX_VLAN_TAGS; i++) {
		const uint16_t *tag = look(w->ctx, w->off, 4); // TCI, type of what follows

		if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
			break;
		if (!tag)
			return 0;
		type = tag[1];
		w->off += 4;
	}
	return type;
}

// Whether the frame is addressed to this port and to nobody else. Group addresses are the kernel's.
static __always_inline bool is_to_us(struct xdp_md *ctx)
{
	const struct steer_config *config = get_config();
	const uint16_t *to = look(ctx, 0, ETH_ALEN); // three words of an address

	if (!to || !config || *(const uint8_t *)to & 1)
		return false;
	for (uint32_t i = 0; i < STEER_MAX_MACS && i < config->n_macs; i++) {
		const uint16_t *mac = (const void *)config->mac[i];

		if (to[0] == mac[0] && to[1] == mac[1] && to[2] == mac[2])
			return true;
	}
	return config->n_macs == 0;
}

static __always_inline void count_verdict(enum steer_class class)
{
	uint32_t zero = 0;
	uint64_t *counters = bpf_map_lookup_elem(&steer_counters, &zero);

	if (counters && class < CLASS_COUNT)
		counters[class]++;
}

// The map of the counter store, NULL if services are not counted.
static __always_inline void *get_store(void)
{
	uint32_t zero = 0;

	return bpf_map_lookup_elem(&steer_store, &zero);
}

// Which of a service's counters are this packet's: of packets, and of bytes or NULL.
static __always_inline uint64_t *pick_counters(struct steer_service_counters *c,
                                               enum steer_class class, uint64_t **bytes)
{
	*bytes = NULL;
	switch (class) {
	case CLASS_service:
		*bytes = &c->bytes;
		return &c->packets;
	case CLASS_passed:
		*bytes = &c->passed_bytes;
		return &c->passed;
	case CLASS_icmp:
		return &c->icmp;
	case CLASS_fragment:
		return &c->fragment;
	case CLASS_malformed:
		return &c->malformed;
	default:
		return &c->no_socket;
	}
}

// What is rare: a class of few packets, or a CPU that shares its slot with others. A function that is called, as
// its branches would cost those whom they do not concern.
__noinline int steer_count_rare(uint32_t service, enum steer_class class, uint32_t len)
{
	uint32_t cpu = bpf_get_smp_processor_id(), last = STATS_CPU_SLOTS - 1;
	uint32_t index = (cpu < last ? cpu : last) * STATS_SERVICES + service;
	struct steer_service_counters *c;
	void *store = get_store();
	uint64_t *packets, *bytes;

	if (!store)
		return 0;
	c = bpf_map_lookup_elem(store, &index);
	if (!c)
		return 0;
	packets = pick_counters(c, class, &bytes);
	__sync_fetch_and_add(packets, 1);
	if (bytes)
		__sync_fetch_and_add(bytes, len);
	return 0;
}

// `class` is a constant with bytes to count: nothing is left of the choice. Look at what the JIT makes of a change
// here (bpftool prog dump xlated): a function for the two lookups alone cost another jump.
static __always_inline void count_often(uint32_t service, enum steer_class class, uint32_t len)
{
	uint32_t cpu = bpf_get_smp_processor_id(), index = cpu * STATS_SERVICES + service;
	struct steer_service_counters *c;
	void *store = get_store();
	uint64_t *packets, *bytes;

	if (!store)
		return;
	if (cpu >= STATS_CPU_SLOTS - 1) {
		steer_count_rare(service, class, len);
		return;
	}
	c = bpf_map_lookup_elem(store, &index);
	if (!c)
		return;
	packets = pick_counters(c, class, &bytes);
	*packets += 1;
	*bytes += len;
}

// A packet to another port of a service's address counts for none.
static __always_inline void count(const struct walk *w, enum steer_class class, uint32_t len)
{
	bool has_service = w->service && w->service < STATS_SERVICES;

	if (class == CLASS_service) {
		count_verdict(CLASS_service);
		if (has_service)
			count_often(w->service, CLASS_service, len);
	} else if (class == CLASS_passed) {
		count_verdict(CLASS_passed);
		if (has_service && w->what == STEER_PASSED)
			count_often(w->service, CLASS_passed, len);
	} else {
		count_verdict(class);
		if (has_service)
			steer_count_rare(w->service, class, len);
	}
}

SEC("xdp")
int steer_lb47(struct xdp_md *ctx)
{
	uint32_t len = ctx->data_end - ctx->data;
	struct walk w = {.ctx = ctx, .limit = len};
	uint16_t type = walk_eth(&w);
	enum steer_class class = CLASS_passed;
	long action = XDP_PASS;

	if ((type == bpf_htons(ETH_P_IP) || type == bpf_htons(ETH_P_IPV6)) && is_to_us(ctx))
		class = classify(&w, type);
	if (class != CLASS_passed) {
		action = bpf_redirect_map(&xsks_map, ctx->rx_queue_index, XDP_DROP);
		if (action != XDP_REDIRECT)
			class = CLASS_no_socket;
	}
	count(&w, class, len);
	return (int)action;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
