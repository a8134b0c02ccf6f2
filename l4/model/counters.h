// SPDX-License-Identifier: BSD-3-Clause
// The one list of verdicts, reasons and counters. Nothing else defines one: the shared structs, the
// names that lbreplay and lbctl print, the Prometheus text and conf/counters.md come from here.
//
// To add a reason: one line in REASONS. To add a counter: one line in a COUNTERS_* list; a histogram: one
// line in a HISTOGRAMS_* list. Each changes the layout, so raise COUNTERS_VERSION.
//
// Included by BPF programs too: nothing but macros, enums and structs of fixed-width integers.
#pragma once

#ifndef __bpf__
#include <stdint.h>
#else
typedef unsigned long long uint64_t;
typedef unsigned int uint32_t;
typedef unsigned short uint16_t;
typedef unsigned char uint8_t;
#endif

enum { COUNTERS_VERSION = 9 };

enum verdict {
	VERDICT_NONE,
	VERDICT_FORWARD,
	VERDICT_PUNT,
	VERDICT_ANSWER,
	VERDICT_DROP,
	VERDICT_COUNT
};

// X(SYMBOL, name, VERDICT, help). The name is what an operator reads and greps for.
// Order: as the stages come. REASON_NONE stands for "no reason needed" and is printed as "-".
#define REASONS(X)                                                                                \
	X(NONE, forwarded, FORWARD, "forwarded to a backend or back to a client")                 \
	/* parse: what is broken on the wire */                                                   \
	X(ETH_TRUNCATED, eth_truncated, DROP, "frame shorter than an Ethernet header")            \
	X(VLAN_TRUNCATED, vlan_truncated, DROP, "frame ends inside a VLAN tag")                   \
	X(VLAN_DEPTH, vlan_depth, DROP, "more than two VLAN tags")                                \
	X(IP_TRUNCATED, ip_truncated, DROP, "frame ends inside the IP header")                    \
	X(IP_VERSION, ip_version, DROP, "IP version does not match the EtherType")                \
	X(IP_HEADER_LEN, ip_header_len, DROP, "IPv4 header length below 20 or beyond the packet") \
	X(IP_TOTAL_LEN, ip_total_len, DROP, "IP length below its header or beyond the frame")     \
	X(IP_CKSUM, ip_cksum, DROP, "IPv4 header checksum is wrong")                              \
	X(IP_OPTIONS, ip_options, DROP, "malformed IPv4 option, or source routing")               \
	X(IP_SOURCE, ip_source, DROP, "source address is multicast, loopback or unspecified")     \
	X(IP6_EXT_TRUNCATED, ip6_ext_truncated, DROP, "IPv6 extension header beyond the packet")  \
	X(IP6_EXT_DEPTH, ip6_ext_depth, DROP, "more than eight IPv6 extension headers")           \
	X(IP6_EXT_ORDER, ip6_ext_order, DROP, "hop-by-hop options not first (RFC 8200 4.1)")      \
	X(IP6_ROUTING, ip6_routing, DROP, "IPv6 routing header type 0 (RFC 5095)")                \
	X(TCP_TRUNCATED, tcp_truncated, DROP, "packet ends inside the TCP header")                \
	X(TCP_HEADER_LEN, tcp_header_len, DROP, "TCP data offset below 5 or beyond the packet")   \
	X(TCP_FLAGS, tcp_flags, DROP, "impossible TCP flags: none, SYN+FIN, SYN+RST or FIN+RST")  \
	X(UDP_TRUNCATED, udp_truncated, DROP, "packet ends inside the UDP header")                \
	X(UDP_LEN, udp_len, DROP, "UDP length below 8 or beyond the packet")                      \
	X(L4_PORT_ZERO, l4_port_zero, DROP, "TCP or UDP port 0")                                  \
	X(ICMP_TRUNCATED, icmp_truncated, DROP, "packet ends inside the ICMP message")            \
	X(ICMP_CKSUM, icmp_cksum, DROP, "ICMP checksum is wrong")                                 \
	X(ICMP_INNER, icmp_inner, DROP, "ICMP error whose embedded packet cannot be read")        \
	/* classify: whose packet is it */                                                        \
	X(NOT_IP, not_ip, PUNT, "ARP, LLDP and other EtherTypes: the host's")                     \
	X(NOT_OURS, not_ours, PUNT, "destination address belongs to no service")                  \
	X(NO_SERVICE, no_service, PUNT, "our address, but no service on this port and protocol")  \
	X(L7_SERVICE, l7_service, PUNT, "service inspected by the L7 workers of this host")       \
	X(IP_FRAGMENT, ip_fragment, DROP, "IP fragment to a service: ports are not in every one") \
	X(LAND, land, DROP, "source and destination are the same address")                        \
	/* select: which backend */                                                               \
	X(POOL_EMPTY, pool_empty, DROP, "no backend of the pool may take a new flow")             \
	X(BACKEND_DOWN, backend_down, DROP, "the flow's backend is down and cannot be replaced")  \
	X(FLOW_TABLE_FULL, flow_table_full, DROP, "nat flow without room in the flow table")      \
	X(NAT_NO_ADDRESS, nat_no_address, DROP, "no snat address of the backend's family")        \
	X(NAT_NO_PORT, nat_no_port, DROP, "all snat ports towards this backend are in use")       \
	X(NAT_NO_FLOW, nat_no_flow, DROP, "packet to a snat port that no flow uses")              \
	X(NAT_NOT_BACKEND, nat_not_backend, DROP, "packet to a snat address, not from a backend") \
	X(ICMP_NO_FLOW, icmp_no_flow, DROP, "ICMP error about a flow that no lane knows")         \
	/* forward: can it leave */                                                               \
	X(NO_NEXT_HOP, no_next_hop, DROP, "the backend's neighbour (MAC address) is not known")   \
	X(RETURN_PATH, return_path, DROP, "more than 1023 next hops towards clients")             \
	X(IP_TTL, ip_ttl, DROP, "TTL or hop limit ran out (nat mode counts as a hop)")            \
	X(TX_FULL, tx_full, DROP, "the port's transmit queue stayed full")                        \
	X(PUNT_FULL, punt_full, DROP, "the punt interface did not take the packet")               \
	X(PUNT_NONE, punt_none, DROP, "for the host, but the port has no punt interface")         \
	X(HANDOVER_FULL, handover_full, DROP, "ring to the lane that owns the flow is full")      \
	X(TOO_LONG, too_long, DROP, "packet in several buffers")                                  \
	/* answer: we reply ourselves */                                                          \
	X(ICMP_ECHO, icmp_echo, ANSWER, "ping to a service address")

#define X(SYMBOL, name, VERDICT, help) REASON_##SYMBOL,
enum reason { REASONS(X) REASON_COUNT };
#undef X

// X(name, kind, unit, help): kind counter or gauge; unit packets, bytes, flows, bursts, ns, or what is counted.
// One set for each lane. Identity, once no packet is in flight:
//   rx_packets = sum of all reasons (each packet has exactly one).
#define COUNTERS_LANE(X)                                                                       \
	X(rx_packets, counter, packets, "packets this lane gave a verdict")                    \
	X(rx_bytes, counter, bytes,                                                            \
	  "bytes of the packets given a verdict, Ethernet header included, checksum not")      \
	X(tx_packets, counter, packets, "packets given to a port: forwarded and answered")     \
	X(tx_bytes, counter, bytes, "bytes of the packets given to a port, as sent")           \
	X(bursts, counter, bursts, "non-empty bursts taken from receive queues")               \
	X(flow_hits, counter, packets, "packets whose flow was in the table")                  \
	X(flow_inserts, counter, flows, "flows put into the table")                            \
	X(flow_evictions, counter, flows, "living entries that gave way to a new flow")        \
	X(flow_expiries, counter, flows, "entries that timed out")                             \
	X(flow_full, counter, packets, "packets sent by hash alone, the table having no room") \
	X(flow_moved, counter, flows, "flows moved off a backend that is down or unhealthy")   \
	X(handover_out, counter, packets, "packets given to the lane that owns their flow")    \
	X(handover_in, counter, packets, "packets taken over from other lanes")                \
	X(busy_ns, counter, ns, "time spent on non-empty bursts")                              \
	X(flows, gauge, flows, "entries in the flow tables now")                               \
	X(snat_ports, gauge, flows, "snat ports in use now")                                   \
	X(quic_initial, counter, packets, "quic services: datagrams that begin with Initial")  \
	X(quic_0rtt, counter, packets, "quic services: with 0-RTT")                            \
	X(quic_handshake, counter, packets, "quic services: with Handshake")                   \
	X(quic_retry, counter, packets, "quic services: with Retry, which no client sends")    \
	X(quic_1rtt, counter, packets, "quic services: with a short header")                   \
	X(quic_other, counter, packets, "quic services: other versions, or no QUIC at all")

// One set for each lane and service. Identity as above, restricted to the service:
//   packets = forwarded + punted + answered + dropped.
// For a quic service, each packet that was given a backend is counted by what chose it:
//   quic_cid + quic_learned + quic_table + quic_hash = forwarded, and what forward dropped
//   (no_next_hop, nat_no_address, ip_ttl, tx_full).
// quic_no_config, quic_short_cid, quic_no_server and quic_down say why a packet of a service with
// "quic_lb" was not routed by its cid; it is counted once more by what chose its backend instead.
#define COUNTERS_SERVICE(X)                                                                        \
	X(packets, counter, packets, "packets from clients")                                       \
	X(bytes, counter, bytes, "bytes of packets from clients")                                  \
	X(forwarded, counter, packets, "packets from clients that were forwarded")                 \
	X(punted, counter, packets, "packets from clients that were given to the host")            \
	X(answered, counter, packets, "packets from clients that we answered")                     \
	X(dropped, counter, packets, "packets from clients that were dropped, for any reason")     \
	X(new_flows, counter, flows, "flows that were given a backend")                            \
	X(reply_packets, counter, packets, "nat: packets from backends on their way back")         \
	X(reply_bytes, counter, bytes, "nat: bytes of packets from backends on their way back")    \
	X(quic_cid, counter, packets,                                                              \
	  "quic: packets routed by the server id in the connection id")                            \
	X(quic_no_config, counter, packets,                                                        \
	  "quic: packets with a cid of no configuration (rotation bits)")                          \
	X(quic_short_cid, counter, packets,                                                        \
	  "quic: packets with a cid too short for its configuration")                              \
	X(quic_no_server, counter, packets,                                                        \
	  "quic: packets with a cid whose server id no backend has")                               \
	X(quic_down, counter, packets, "quic: packets with a cid of a backend that is down")       \
	X(quic_learned, counter, packets, "quic: packets routed by a cid learned from the server") \
	X(quic_table, counter, packets, "quic: packets routed by the flow table")                  \
	X(quic_hash, counter, packets, "quic: packets routed by hash")                             \
	X(quic_migrations, counter, flows, "nat: connections that went on from a new path")

// One set for each lane and backend. Identity: packets - refused of all backends = forwarded of all services. A lane that is killed
// within a burst leaves the backends ahead by what it had forwarded of that, 32 packets at most.
#define COUNTERS_BACKEND(X)                                                                        \
	X(packets, counter, packets, "packets forwarded to the backend, refused ones included")    \
	X(bytes, counter, bytes,                                                                   \
	  "bytes of packets forwarded to the backend, refused ones included")                      \
	X(refused, counter, packets, "packets to the backend that a full transmit queue dropped")  \
	X(no_next_hop, counter, packets,                                                           \
	  "packets dropped as the backend's MAC address is not known")                             \
	X(new_flows, counter, flows, "flows that were given to the backend")                       \
	X(moved_flows, counter, flows, "flows taken from the backend, as it is down or unhealthy") \
	X(reply_packets, counter, packets, "nat: packets that the backend sent back through us")   \
	X(reply_bytes, counter, bytes, "nat: bytes that the backend sent back through us")

// One set for each port with an XDP program (bpf/steer.bpf.c), counted in the kernel; these live with the
// program and begin anew with it. lb4d copies them to the store each second. Identity: packets seen = sum of all.
#define COUNTERS_STEER(X)                                                                         \
	X(passed, counter, packets, "packets left to the kernel: not for a service of the lanes") \
	X(service, counter, packets, "packets to a service, given to its lane")                   \
	X(snat, counter, packets, "packets from a nat backend, given to a lane")                  \
	X(icmp, counter, packets, "ping to a service address or ICMP error, given to a lane")     \
	X(fragment, counter, packets, "IP fragment to a service address, given to a lane")        \
	X(malformed, counter, packets, "broken packets to a service address, given to a lane")    \
	X(no_socket, counter, packets, "packets for a lane whose queue had no socket: dropped")

// One set for each service and CPU, counted by the XDP programs of all af_xdp ports before a lane or the kernel has the
// packet; these lie in the store and go on with the next program. An ICMP error counts for the service that it is
// about; a ping, a later fragment or what is broken for the service whose address it is, if that is the
// only one at this address: whatever cannot be told apart is in the list above alone. A service of the
// lanes: its lanes' `packets` = packets + the ICMP errors of icmp - what queues had no room for
// (`missed` of the port in `lbctl counters`).
#define COUNTERS_STEER_SERVICE(X)                                                                 \
	X(packets, counter, packets, "packets to the service, given to its lane")                 \
	X(bytes, counter, bytes,                                                                  \
	  "bytes of packets given to the lane of the service, Ethernet header included")          \
	X(passed, counter, packets,                                                               \
	  "packets to a service of the L7 workers, and ICMP errors about it: left to the kernel") \
	X(passed_bytes, counter, bytes,                                                           \
	  "bytes of packets left to the kernel, Ethernet header included")                        \
	X(icmp, counter, packets, "ICMP errors about the service and ping, given to a lane")      \
	X(fragment, counter, packets, "IP fragments, given to a lane")                            \
	X(malformed, counter, packets, "broken packets, given to a lane")                         \
	X(no_socket, counter, packets,                                                            \
	  "packets for the lane of the service, whose queue had no socket: dropped")

// One set for each service of the L7 workers (connections that clients made) and one for each backend (connections
// that this host made to its address and port, health probes included), counted by the TCP
// programs (bpf/tcp.bpf.c) in the kernel. A connection counts from its handshake; identity:
//   connections = closed + those that are open, and those that were when nobody counted.
#define COUNTERS_TCP(X)                                                                      \
	X(connections, counter, connections, "handshakes completed")                         \
	X(closed, counter, connections,                                                      \
	  "connections that ended, of those whose handshake was completed")                  \
	X(failed, counter, connections, "handshakes that we began and that came to nothing") \
	X(retransmits, counter, segments, "segments sent again, SYN and SYN-ACK included")   \
	X(resets_sent, counter, connections, "connections that we reset")                    \
	X(resets_received, counter, connections, "connections that the peer reset or refused")

// X(name, unit, help): histograms of the same, one value for each connection.
#define HISTOGRAMS_TCP(X)                                                                  \
	X(handshake, us, "from the SYN to the end of the handshake, as this host sees it") \
	X(rtt, us, "the kernel's smoothed round-trip time at the end of the connection")   \
	X(duration, ms, "from the end of the handshake until this host is done with it")   \
	X(resent, segments, "segments sent again for one connection")

// One set for each L7 worker. Identities, once nothing is on its way:
//   requests = sum of the ends (l7/access.h) = responses_2xx + 3xx + 4xx + 5xx + those that ended without a status.
#define COUNTERS_WORKER(X)                                                                         \
	X(connections, counter, connections, "client connections accepted")                        \
	X(connections_open, gauge, connections, "client connections open now")                     \
	X(connections_refused, counter, connections,                                               \
	  "client connections closed at once: no descriptor or memory")                            \
	X(tls_handshakes, counter, connections, "TLS handshakes with clients completed")           \
	X(tls_resumed, counter, connections, "TLS handshakes with clients that a ticket resumed")  \
	X(tls_failures, counter, connections, "TLS handshakes with clients that failed")           \
	X(http2_connections, counter, connections, "clients' connections that spoke HTTP/2")       \
	X(http2_streams, counter, streams, "streams that clients opened on HTTP/2 connections")    \
	X(http2_resets, counter, streams,                                                          \
	  "HTTP/2 streams that the client ended before the answer did")                            \
	X(http2_errors, counter, connections, "HTTP/2 connections ended for errors or floods")     \
	X(requests, counter, requests, "requests begun, refused ones too")                         \
	X(requests_active, gauge, requests, "requests and streams on their way now")               \
	X(event_streams, counter, streams, "responses that were event streams")                    \
	X(event_streams_active, gauge, streams, "event streams open now")                          \
	X(websockets, counter, streams, "WebSocket connections established")                       \
	X(websockets_active, gauge, streams, "WebSocket connections open now")                     \
	X(responses_1xx, counter, responses, "interim responses passed on")                        \
	X(responses_2xx, counter, responses, "responses by class of status, 101 included in 2xx")  \
	X(responses_3xx, counter, responses, "responses by class of status")                       \
	X(responses_4xx, counter, responses, "responses by class of status")                       \
	X(responses_5xx, counter, responses, "responses by class of status")                       \
	X(bytes_in, counter, bytes, "content from clients")                                        \
	X(bytes_out, counter, bytes, "content to clients")                                         \
	X(upstream_connects, counter, connections, "connections to backends begun")                \
	X(upstream_reuses, counter, connections, "requests sent over a connection that was there") \
	X(upstream_failures, counter, connections, "connections to backends that failed")          \
	X(upstream_open, gauge, connections, "connections to backends open now")                   \
	X(retries, counter, requests, "requests sent to a second backend, or again")               \
	X(retries_over_budget, counter, requests,                                                  \
	  "requests not sent again for want of retry_budget")                                      \
	X(http2_upstream_connections, counter, connections,                                        \
	  "HTTP/2 connections with backends begun")                                                \
	X(http2_upstream_streams, counter, requests,                                               \
	  "requests sent over HTTP/2 connections with backends")                                   \
	X(http2_upstream_refused, counter, requests,                                               \
	  "requests over HTTP/2 that the backend did not look at")                                 \
	X(http2_upstream_goaways, counter, connections, "backends that said GOAWAY")               \
	X(buffers, gauge, bytes, "buffers in use now")                                             \
	X(log_lost, counter, lines, "access log lines that could not be written")

// Why a request or stream ended. X(SYMBOL, name, help)
#define REQUEST_ENDS(X)                                                                          \
	X(COMPLETED, completed, "all of the response was given to the client")                   \
	X(CLOSED, closed, "a tunnel or WebSocket that one of its ends closed in order")          \
	X(REFUSED, refused, "malformed request; reason says how")                                \
	X(TOO_LARGE, too_large, "line, head or body beyond its limit")                           \
	X(CLIENT_ABORT, client_abort, "the client went away before the end")                     \
	X(CLIENT_TIMEOUT, client_timeout, "the client did not go on in time")                    \
	X(NO_ROUTE, no_route, "no route matches")                                                \
	X(ANSWERED, answered, "answered by the route: redirect or fixed answer")                 \
	X(NO_BACKEND, no_backend, "no backend of the pool may take a request")                   \
	X(CONNECT_FAILED, connect_failed, "the backend refused or could not be reached")         \
	X(CONNECT_TIMEOUT, connect_timeout, "the backend did not accept in time")                \
	X(UPSTREAM_TLS, upstream_tls, "TLS with the backend failed")                             \
	X(UPSTREAM_RESET, upstream_reset, "the backend broke the connection")                    \
	X(UPSTREAM_MALFORMED, upstream_malformed, "the backend's answer is no HTTP")             \
	X(FIRST_BYTE_TIMEOUT, first_byte_timeout, "the backend did not begin to answer in time") \
	X(STREAM_IDLE, stream_idle, "nothing moved for timeouts.stream_idle_ms")                 \
	X(TOTAL_TIMEOUT, total_timeout, "longer than timeouts.total_ms")                         \
	X(DEADLINE, deadline, "longer than the client's grpc-timeout")                           \
	X(DRAINED, drained,                                                                      \
	  "cut at the end of the grace time of a stop, or its backend was taken down")           \
	X(OVERLOAD, overload, "no memory or descriptor left for it")                             \
	X(LOST, lost,                                                                            \
	  "lb7d died meanwhile; the next one counts it, and there is no line in the log")

// One set for each L7 worker and service of lb7d (an entry of "services" that names an `l7` of this host).
// Identities, once nothing is on its way:
//   requests = sum of ends_*, one for each of REQUEST_ENDS; within that, streams_K = sum of the stream_ends_*
//   over the kinds K (sse, websocket, grpc). That goes for one run after another, too: what was on its way when lb7d died is
//   lost, in both. What events and histograms have of it is not made up for.
//   connections = those that got to a protocol (connections_http1 + connections_http2) + those that did not.
//   A WebSocket over HTTP/1.1 leaves open_http1 for open_websocket: the open_* together are the connections.
// Names of one family differ in what follows the prefix: /metrics makes a label of it (l7/metrics_family.h).
#define COUNTERS_L7_SERVICE(X)                                                                     \
	X(requests, counter, requests, "requests begun, refused ones too")                         \
	X(requests_active, gauge, requests, "requests and streams on their way now")               \
	X(connections, counter, connections, "client connections accepted")                        \
	X(connections_refused, counter, connections,                                               \
	  "client connections closed at once: no descriptor or memory")                            \
	X(connections_http1, counter, connections,                                                 \
	  "client connections that came to speak HTTP/1.1")                                        \
	X(connections_http2, counter, connections, "client connections that came to speak HTTP/2") \
	X(connections_websocket, counter, connections, "HTTP/1.1 connections turned to WebSocket") \
	X(open_handshake, gauge, connections,                                                      \
	  "connections open now that have not shown what they speak")                              \
	X(open_http1, gauge, connections, "HTTP/1.1 connections open now")                         \
	X(open_http2, gauge, connections, "HTTP/2 connections open now")                           \
	X(open_websocket, gauge, connections, "HTTP/1.1 connections that are a WebSocket now")     \
	X(tls_handshakes, counter, connections, "TLS handshakes with clients completed")           \
	X(tls_resumed, counter, connections, "TLS handshakes with clients that a ticket resumed")  \
	X(tls_failures, counter, connections, "TLS handshakes with clients that failed")           \
	X(responses_1xx, counter, responses, "interim responses passed on")                        \
	X(responses_2xx, counter, responses, "responses by class of status, 101 included in 2xx")  \
	X(responses_3xx, counter, responses, "responses by class of status")                       \
	X(responses_4xx, counter, responses, "responses by class of status")                       \
	X(responses_5xx, counter, responses, "responses by class of status")                       \
	X(bytes_in, counter, bytes, "content from clients")                                        \
	X(bytes_out, counter, bytes, "content to clients")                                         \
	X(retries, counter, requests, "requests sent to a second backend, or again")               \
	REQUEST_ENDS(X##_END)                                                                      \
	X(streams_sse, counter, streams, "event streams begun")                                    \
	X(streams_websocket, counter, streams, "WebSockets established")                           \
	X(streams_grpc, counter, streams, "gRPC calls begun")                                      \
	X(active_sse, gauge, streams, "event streams open now")                                    \
	X(active_websocket, gauge, streams, "WebSockets open now")                                 \
	X(active_grpc, gauge, streams, "gRPC calls open now")                                      \
	X(streams_stalled, gauge, streams, "streams silent within an answer (measure tokens)")     \
	X(stream_ends_completed, counter, streams, "streams that ended in order")                  \
	X(stream_ends_client_abort, counter, streams, "streams that the client left")              \
	X(stream_ends_upstream_error, counter, streams, "streams that broke at the backend")       \
	X(stream_ends_timeout, counter, streams, "streams that a time-out ended")                  \
	X(stream_ends_error_event, counter, streams,                                               \
	  "streams in which an event, or a gRPC status of the server, told an error")              \
	X(stream_ends_drained, counter, streams,                                                   \
	  "streams cut by a stop, or by the backend being taken down")                             \
	X(stream_ends_lost, counter, streams, "streams that were open when lb7d died")             \
	X(streams_opaque, counter, streams,                                                        \
	  "event streams behind an encoding (gzip, br): bytes only, no events are seen")           \
	X(stalls, counter, streams, "how often a stream came to be stalled")                       \
	X(events, counter, events, "events and messages of streams that came from backends")       \
	X(events_coalesced, counter, events,                                                       \
	  "events of streams that were read together with the one before")                         \
	X(events_content, counter, events, "events of streams that bore content (measure tokens)") \
	X(events_error, counter, events,                                                           \
	  "events of streams that reported an error (measure tokens)")                             \
	X(events_malformed, counter, events,                                                       \
	  "events of streams that were no JSON (measure tokens)")                                  \
	X(events_oversize, counter, events,                                                        \
	  "events of streams that were not read, beyond event_kb or without room")                 \
	X(events_undelivered, counter, events,                                                     \
	  "events still waiting for the client at the stream's end")                               \
	X(events_of_usage, counter, events,                                                        \
	  "events that bore content, in streams that state usage")                                 \
	X(no_first_token_canceled, counter, streams,                                               \
	  "streams whose client left before the first token")                                      \
	X(no_first_token_timeout, counter, streams,                                                \
	  "streams with a time-out before the first token")                                        \
	X(no_first_token_error, counter, streams, "streams with an error before the first token")  \
	X(no_first_token_drained, counter, streams, "streams cut by us before the first token")    \
	X(no_first_token_no_output, counter, streams,                                              \
	  "streams that ended in order, without a token")                                          \
	X(no_first_token_not_understood, counter, streams,                                         \
	  "streams that ended in order, in no dialect that is known, or all of it oversize")       \
	X(tokens_in, counter, tokens, "tokens of prompts, where the stream states its usage")      \
	X(tokens_out, counter, tokens, "tokens generated, where the stream states its usage")

// One set for each L7 worker and backend that a route's pool has.
#define COUNTERS_L7_BACKEND(X)                                                                  \
	X(requests, counter, requests, "attempts: requests given to the backend")               \
	X(requests_active, gauge, requests, "requests and streams with the backend now")        \
	X(failures, counter, requests,                                                          \
	  "attempts that failed: not connected, too late, broken, no HTTP")                     \
	X(connects, counter, connections, "connections to the backend begun")                   \
	X(connect_failures, counter, connections,                                               \
	  "connections to the backend refused, timed out, or without TLS")                      \
	X(reuses, counter, requests,                                                            \
	  "requests sent to the backend over a connection that was there")                      \
	X(connections_open, gauge, connections,                                                 \
	  "connections to the backend open now, idle ones too")                                 \
	X(responses_2xx, counter, responses, "answers by class of status, 101 included in 2xx") \
	X(responses_3xx, counter, responses, "answers by class of status")                      \
	X(responses_4xx, counter, responses, "answers by class of status")                      \
	X(responses_5xx, counter, responses, "answers by class of status")                      \
	X(stream_errors, counter, streams,                                                      \
	  "streams that reported an error, gRPC calls by a status of the server's")             \
	X(bytes_in, counter, bytes, "content sent to the backend")                              \
	X(bytes_out, counter, bytes, "content received from the backend")

// One set for each L7 worker and model whose name the configuration has (streams.models); the others together are one more. Written
// when a stream ends, but for the gauge.
#define COUNTERS_L7_MODEL(X)                                                                  \
	X(streams, counter, streams, "event streams that said it was this model's output")    \
	X(active, gauge, streams, "event streams of this model's output open now")            \
	X(no_first_token, counter, streams,                                                   \
	  "event streams of this model's output that ended without a token")                  \
	X(errors, counter, streams,                                                           \
	  "event streams of this model's output in which an event reported an error")         \
	X(events_content, counter, events, "events that bore content")                        \
	X(events_of_usage, counter, events,                                                   \
	  "events that bore content, in streams that state usage")                            \
	X(tokens_in, counter, tokens, "tokens of prompts, where the stream states its usage") \
	X(tokens_out, counter, tokens, "tokens generated, where the stream states its usage")

// X(name, help): times, recorded in ns. One set for each L7 worker and service.
// Moments are those of one process and one monotonic clock. A request that became a stream counts in stream_duration, any other in
// request_duration. Whether a gRPC call is one is seen by its messages: with at most one each way, be it unary or not, it is a request;
// where they cannot be told (gRPC-Web in base64 that passes as it is) it is a stream.
//   requests = request_duration + stream_duration + those refused before they were routed
#define HISTOGRAMS_L7_SERVICE(X)                                                                              \
	X(request_duration,                                                                                   \
	  "first byte of the request until the end of the answer; not what stream_duration has")              \
	X(time_to_first_byte, "first byte of the request until the head of the answer came")                  \
	X(time_to_first_event, "first byte of the request until the first event or message came")             \
	X(time_to_first_token, "first byte of the request until the first content-bearing event")             \
	X(ttft_delivered,                                                                                     \
	  "first byte of the request until the first content-bearing event was given to the client's socket") \
	X(inter_event_gap, "between two events or messages of a stream")                                      \
	X(time_per_output_token_usage,                                                                        \
	  "first token until the last, divided by the tokens after the first that usage states")              \
	X(time_per_output_token_events,                                                                       \
	  "first token until the last, divided by the events after the first; streams that state no usage")   \
	X(stream_duration,                                                                                    \
	  "event streams, WebSockets, gRPC calls of several messages: head of the answer to the end")         \
	X(connection_duration, "client connections: accepted until closed")                                   \
	X(delay_client,                                                                                       \
	  "an event received until given to the client's socket, if its socket or window was full")           \
	X(delay_added, "an event received until given to the client's socket, if that had room")

// One set for each L7 worker and backend.
#define HISTOGRAMS_L7_BACKEND(X)                                                       \
	X(connect_time, "connect(2) until the connection is ready, TLS included")      \
	X(time_to_first_byte, "request's head sent until the head of the answer came") \
	X(request_duration, "backend picked until the end of the answer; not streams") \
	X(stream_duration, "of streams: head of the answer to the end")

// One set for each L7 worker and model.
#define HISTOGRAMS_L7_MODEL(X)                                                              \
	X(ttft, "first byte of the request until the first content-bearing event")          \
	X(tpot_usage, "first token until the last, by the tokens after the first by usage") \
	X(tpot_events,                                                                      \
	  "first token until the last, by the events after the first; streams that state no usage")

// 13 buckets a decade: at most 25 % apart, as four for each power of two would be, but on decimal bounds, so that those of
// OpenTelemetry's conventions (0.005, 0.01, 0.025, 0.075 s ...) are exact sums. stats_histogram.h computes with it.
enum { STATS_HISTOGRAM_BUCKETS = 1 + 10 * 13 + 1 }; // to 1 us; ten decades, to 10000 s; above

struct stats_histogram {
	uint64_t sum_ns;
	uint64_t bucket[STATS_HISTOGRAM_BUCKETS];
};

#define X(name, kind, unit, help) uint64_t name;
struct service_counters {
	COUNTERS_SERVICE(X)
} __attribute__((aligned(8)));

// A cache line, as struct snap_backend: what a packet touches of its backend lies at one offset in both.
struct backend_counters {
	COUNTERS_BACKEND(X)
} __attribute__((aligned(64)));

struct steer_counters {
	COUNTERS_STEER(X)
} __attribute__((aligned(8)));

struct steer_service_counters {
	COUNTERS_STEER_SERVICE(X)
} __attribute__((aligned(64)));

struct worker_counters {
	COUNTERS_WORKER(X)
} __attribute__((aligned(64)));

#define X_END(SYMBOL, name, help) uint64_t ends_##name;
struct l7_service_counters {
	COUNTERS_L7_SERVICE(X)
} __attribute__((aligned(64)));
#undef X_END

struct l7_backend_counters {
	COUNTERS_L7_BACKEND(X)
} __attribute__((aligned(64)));

struct l7_model_counters {
	COUNTERS_L7_MODEL(X)
} __attribute__((aligned(64)));
#undef X

#define X(name, help) struct stats_histogram name;
struct l7_service_histograms {
	HISTOGRAMS_L7_SERVICE(X)
} __attribute__((aligned(64)));

struct l7_backend_histograms {
	HISTOGRAMS_L7_BACKEND(X)
} __attribute__((aligned(64)));

struct l7_model_histograms {
	HISTOGRAMS_L7_MODEL(X)
} __attribute__((aligned(64)));
#undef X

// A histogram that BPF programs can fill: bucket 0 counts zeros, bucket b the values of b bits, that is
// from 2^(b-1) to 2^b - 1, and the last one also all above.
enum { COUNTERS_LOG2_BUCKETS = 32 };

struct counters_log2 {
	uint64_t sum;
	uint64_t bucket[COUNTERS_LOG2_BUCKETS];
};

struct tcp_counters {
#define X(name, kind, unit, help) uint64_t name;
	COUNTERS_TCP(X)
#undef X
#define X(name, unit, help) struct counters_log2 name;
	HISTOGRAMS_TCP(X)
#undef X
} __attribute__((aligned(8)));

// Named reasons for people (bpftool map dump), an array for the code.
#define X(SYMBOL, name, VERDICT, help) uint64_t name;
struct reason_counters {
	REASONS(X)
};
#undef X

#define X(name, kind, unit, help) uint64_t name;
struct lane_counters {
	COUNTERS_LANE(X)
	union {
		struct reason_counters by_name;
		uint64_t reason[REASON_COUNT];
	};
} __attribute__((aligned(64)));
#undef X
