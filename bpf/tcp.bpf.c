// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
// Counts what TCP does between clients and the L7 workers, and between those and their backends: connections, handshake
// time, round-trip time, retransmissions, resets by side, duration.
//
// Tracepoints with BTF (tp_btf), as they see every connection of the host wherever it lives and cost it nothing
// between its events: a connection has five or six changes of state, whatever it carries. What was weighed:
// sockops of a cgroup cost a call for every RTT sample and retransmission, need the unified hierarchy and see
// no resets; tcp_probe runs for every segment that is received; fentry binds to names of static functions.
//
// Connections of others end at two comparisons and one lookup. Ours carry their times with them (sk_storage): the kernel
// frees that with the socket, so nothing leaks whatever happens to the programs. The storage goes when they
// do; connections that began before are not counted at their end.
//
// Several CPUs add to one entry, hence atomically. For kernels from 5.15.
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <stdbool.h>

#include "bpf/tcp.h"
#include "l4/model/stats_layout.h"

// What is read of the kernel's own structures; libbpf finds where it lies in the kernel that runs.
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct net {
	uint64_t net_cookie;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct in6_addr {
	union {
		uint32_t u6_addr32[4];
	} in6_u;
};

struct sock_common {
	uint32_t skc_daddr;
	uint32_t skc_rcv_saddr;
	uint16_t skc_dport; // network order
	uint16_t skc_num;   // host order
	unsigned short skc_family;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct sock {
	struct sock_common __sk_common;
};

struct tcp_sock {
	uint32_t srtt_us; // times eight
	uint32_t total_retrans;
};

struct request_sock {
	struct sock_common __req_common;
};

struct tcp_request_sock {
	uint64_t snt_synack; // us of CLOCK_MONOTONIC
};
#pragma clang attribute pop

// include/net/tcp_states.h, include/linux/socket.h; both are part of the kernel's interface to programs.
enum { STATE_ESTABLISHED = 1, STATE_SYN_SENT = 2, STATE_SYN_RECV = 3, STATE_CLOSE = 7 };
enum { FAMILY_INET = 2, FAMILY_INET6 = 10 };

enum { NS_PER_US = 1000, NS_PER_MS = 1000000 };

enum connection_flag { OPEN = 1, RESET_SENT = 2, RESET_RECEIVED = 4 };

struct connection {
	uint64_t began_ns; // SYN sent; then the end of the handshake
	uint32_t id;
	uint32_t resent; // segments that are counted already
	uint8_t side;    // enum tcp_side
	uint8_t flags;   // enum connection_flag
	uint8_t pad[6];
};

// A handshake with a client, by its ends.
struct synack {
	uint32_t addr[4];
	uint16_t port;       // the client's, network order
	uint16_t local_port; // host order
};

// The network namespace that the endpoints are in (SO_NETNS_COOKIE); 0 = any.
const volatile uint64_t tcp_netns = 0;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TCP_MAX_ENDPOINTS);
	__type(key, struct tcp_endpoint);
	__type(value, struct tcp_target);
} tcp_endpoints SEC(".maps");

// Those of the counter store; attach_tcp.c puts them in their place.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, STATS_SERVICES);
	__type(key, uint32_t);
	__type(value, struct tcp_counters);
} tcp_services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, STATS_BACKENDS);
	__type(key, uint32_t);
	__type(value, struct tcp_counters);
} tcp_backends SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct connection);
} tcp_connections SEC(".maps");

// When a SYN-ACK that was sent again was sent first, in us.
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TCP_MAX_SYNACKS);
	__type(key, struct synack);
	__type(value, uint64_t);
} tcp_synacks SEC(".maps");

// --- adding up ---

static __always_inline void add(uint64_t *counter, uint64_t n)
{
	__sync_fetch_and_add(counter, n);
}

// stats_log2_bucket() of l4/model/stats_log2.h. BPF has no instruction that counts leading zeros.
static __always_inline uint32_t bucket_of(uint64_t value)
{
	uint32_t bits = 0;

	if (value >> (COUNTERS_LOG2_BUCKETS - 2))
		return COUNTERS_LOG2_BUCKETS - 1;
	for (uint32_t step = 16; step; step /= 2) {
		if (value >> step) {
			value >>= step;
			bits += step;
		}
	}
	return bits + (uint32_t)value;
}

static __always_inline void record(struct counters_log2 *h, uint64_t value)
{
	if (value)
		add(&h->sum, value);
	add(&h->bucket[bucket_of(value) & (COUNTERS_LOG2_BUCKETS - 1)], 1);
}

static __always_inline struct tcp_counters *counters_of(const struct connection *c)
{
	uint32_t id = c->id;

	return c->side == TCP_SERVICE ? bpf_map_lookup_elem(&tcp_services, &id)
	                              : bpf_map_lookup_elem(&tcp_backends, &id);
}

// --- whose connection it is ---

// An IPv4 address that an IPv6 socket has is written as ::ffff:a.b.c.d; the configuration says a.b.c.d.
static __always_inline void set_ip6(struct tcp_endpoint *key, const struct in6_addr *a)
{
	const uint32_t *word = a->in6_u.u6_addr32;
	bool is_mapped = !word[0] && !word[1] && word[2] == __builtin_bswap32(0xffff);

	key->family = is_mapped ? 4 : 6;
	key->addr[0] = is_mapped ? word[3] : word[0];
	key->addr[1] = is_mapped ? 0 : word[1];
	key->addr[2] = is_mapped ? 0 : word[2];
	key->addr[3] = is_mapped ? 0 : word[3];
}

static __always_inline void set_remote(struct tcp_endpoint *key, const struct sock_common *s)
{
	key->port = s->skc_dport;
	key->family = 4;
	if (s->skc_family == FAMILY_INET6)
		set_ip6(key, &s->skc_v6_daddr);
	else
		key->addr[0] = s->skc_daddr;
}

static __always_inline void set_local(struct tcp_endpoint *key, const struct sock_common *s)
{
	key->port = __builtin_bswap16(s->skc_num);
	key->family = 4;
	if (s->skc_family == FAMILY_INET6)
		set_ip6(key, &s->skc_v6_rcv_saddr);
	else
		key->addr[0] = s->skc_rcv_saddr;
}

static __always_inline const struct tcp_target *find(const struct sock_common *s, uint8_t side)
{
	struct tcp_endpoint key = {.side = side};

	if (tcp_netns && s->skc_net.net->net_cookie != tcp_netns)
		return NULL;
	if (side == TCP_SERVICE)
		set_local(&key, s);
	else
		set_remote(&key, s);
	return bpf_map_lookup_elem(&tcp_endpoints, &key);
}

static __always_inline struct connection *connection_of(const struct sock *sk, uint64_t flags)
{
	return bpf_sk_storage_get(&tcp_connections, (void *)(long)sk, NULL, flags);
}

static __always_inline struct connection *open_connection(const struct sock *sk, uint8_t side)
{
	const struct tcp_target *target = find(&sk->__sk_common, side);
	struct connection *c;

	if (!target)
		return NULL;
	c = connection_of(sk, BPF_SK_STORAGE_GET_F_CREATE);
	if (!c)
		return NULL;
	c->id = target->id;
	c->side = side;
	c->flags = 0;
	c->resent = 0;
	return c;
}

// --- events ---

static __always_inline void count_resent(struct connection *c, struct tcp_counters *counters,
                                         const struct tcp_sock *tp)
{
	uint32_t n = tp->total_retrans - c->resent;

	if (n)
		add(&counters->retransmits, n);
	c->resent += n;
}

static __always_inline void set_synack(struct synack *key, const struct sock_common *s)
{
	struct tcp_endpoint remote = {0};

	set_remote(&remote, s);
	__builtin_memcpy(key->addr, remote.addr, sizeof(key->addr));
	key->port = remote.port;
	key->local_port = s->skc_num;
}

// How long the handshake took that a client began. If the SYN-ACK was sent once, the kernel has measured it to the
// microsecond: its first sample of the round-trip time. 0 = not known: SYN cookies, or too many at once.
static __always_inline uint64_t accept_us(const struct sock *sk, const struct tcp_sock *tp,
                                          uint64_t now_ns)
{
	struct synack key = {0};
	const uint64_t *sent_us;
	uint64_t us = 0;

	if (!tp->total_retrans)
		return tp->srtt_us >> 3;
	set_synack(&key, &sk->__sk_common);
	sent_us = bpf_map_lookup_elem(&tcp_synacks, &key);
	if (sent_us)
		us = now_ns / NS_PER_US - *sent_us;
	bpf_map_delete_elem(&tcp_synacks, &key);
	return us;
}

static __always_inline void begin(struct connection *c, const struct tcp_sock *tp, uint64_t now_ns,
                                  uint64_t us)
{
	struct tcp_counters *counters = counters_of(c);

	if (!counters)
		return;
	c->flags |= OPEN;
	c->began_ns = now_ns;
	add(&counters->connections, 1);
	if (us)
		record(&counters->handshake, us);
	count_resent(c, counters, tp);
}

static __always_inline void accepted(const struct sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock((void *)(long)sk);
	struct connection *c;
	uint64_t now_ns;

	if (!tp)
		return;
	c = open_connection(sk, TCP_SERVICE);
	if (!c)
		return;
	now_ns = bpf_ktime_get_ns();
	begin(c, tp, now_ns, accept_us(sk, tp, now_ns));
}

static __always_inline void connect_begun(const struct sock *sk)
{
	struct connection *c = open_connection(sk, TCP_BACKEND);

	if (c)
		c->began_ns = bpf_ktime_get_ns();
}

static __always_inline void connected(const struct sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock((void *)(long)sk);
	struct connection *c = connection_of(sk, 0);
	uint64_t now_ns = bpf_ktime_get_ns();

	if (tp && c && c->side == TCP_BACKEND)
		begin(c, tp, now_ns, (now_ns - c->began_ns) / NS_PER_US);
}

static __always_inline void closed(const struct sock *sk, int old)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock((void *)(long)sk);
	struct connection *c = connection_of(sk, 0);
	struct tcp_counters *counters;

	if (!tp || !c)
		return;
	counters = counters_of(c);
	if (!counters)
		return;
	count_resent(c, counters, tp);
	if (old == STATE_SYN_SENT)
		add(&counters->failed, 1);
	if (!(c->flags & OPEN))
		return;
	c->flags &= ~OPEN; // stays until the socket goes: our reset is sent after this
	add(&counters->closed, 1);
	record(&counters->duration, (bpf_ktime_get_ns() - c->began_ns) / NS_PER_MS);
	record(&counters->resent, tp->total_retrans);
	if (tp->srtt_us)
		record(&counters->rtt, tp->srtt_us >> 3);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tcp_state_lb47, const struct sock *sk, int old, int new)
{
	if (new == STATE_SYN_SENT)
		connect_begun(sk);
	else if (new == STATE_ESTABLISHED && old == STATE_SYN_RECV)
		accepted(sk);
	else if (new == STATE_ESTABLISHED && old == STATE_SYN_SENT)
		connected(sk);
	else if (new == STATE_CLOSE)
		closed(sk, old);
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(tcp_resent_lb47, const struct sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock((void *)(long)sk);
	struct connection *c = connection_of(sk, 0);
	struct tcp_counters *counters = c ? counters_of(c) : NULL;

	if (tp && counters)
		count_resent(c, counters, tp);
	return 0;
}

// The child does not know when its SYN-ACK was sent first.
SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(tcp_synack_lb47, const struct sock *sk, const struct request_sock *req)
{
	const struct tcp_request_sock *treq = (const void *)req;
	struct synack key = {0};
	uint64_t sent_us;

	if (!find(&req->__req_common, TCP_SERVICE))
		return 0;
	set_synack(&key, &req->__req_common);
	sent_us = BPF_CORE_READ(treq, snt_synack);
	bpf_map_update_elem(&tcp_synacks, &key, &sent_us, BPF_NOEXIST);
	return 0;
}

// A reset that answers a segment to no connection has no socket.
static __always_inline void reset(const struct sock *sk, uint8_t flag)
{
	struct connection *c = connection_of(sk, 0);
	struct tcp_counters *counters = c ? counters_of(c) : NULL;

	if (!counters || c->flags & flag)
		return;
	c->flags |= flag;
	add(flag == RESET_SENT ? &counters->resets_sent : &counters->resets_received, 1);
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(tcp_reset_sent_lb47, const struct sock *sk)
{
	if (sk)
		reset(sk, RESET_SENT);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(tcp_reset_received_lb47, const struct sock *sk)
{
	reset(sk, RESET_RECEIVED);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
