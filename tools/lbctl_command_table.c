// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbctl_command.h"

#include "l4/model/capture_ring.h"
#include "tools/lbctl_quic_lb.h"

static const char *const outputs[LBCTL_OUTPUT_COUNT] = {
	[LBCTL_TABLE] = "table", [LBCTL_JSON] = "json"};

const struct args_option lbctl_common[] = {
	{.letter = 's',
         .name = "socket",
         .value = "SOCKET",
         .help = "the daemon's control socket (default $LB47_SOCKET, or lb4d.sock or lb7d.sock in /run/lb47)",
         .kind = ARGS_TEXT,
         .offset = offsetof(struct lbctl_options, socket)},
	{.letter = 'o',
         .name = "output",
         .value = "FORMAT",
         .help = "how to print",
         .kind = ARGS_WORD,
         .offset = offsetof(struct lbctl_options, output),
         .words = outputs,
         .n_words = ARRAY_LEN(outputs)},
};
const size_t lbctl_n_common = ARRAY_LEN(lbctl_common);

static const struct args_option add_options[] = {
	{.name = "weight",
         .value = "N",
         .help = "share of new flows, 0..1000 (default 100)",
         .kind = ARGS_TEXT,
         .offset = offsetof(struct lbctl_options, weight)},
	{.name = "state",
         .value = "STATE",
         .help = "up (default), drain or down",
         .kind = ARGS_TEXT,
         .offset = offsetof(struct lbctl_options, state)},
	{.name = "mac",
         .value = "MAC",
         .help = "next hop by decree, where no kernel knows it",
         .kind = ARGS_TEXT,
         .offset = offsetof(struct lbctl_options, mac)},
	{.name = "server-id",
         .value = "HEX",
         .help = "QUIC-LB server ID, 1..15 bytes",
         .kind = ARGS_TEXT,
         .offset = offsetof(struct lbctl_options, server_id)},
};

static const struct args_option flows_options[] = {
	{.letter = 'b',
         .name = "backend",
         .help = "also by backend",
         .offset = offsetof(struct lbctl_options, by_backend)},
};

static const struct args_option counters_options[] = {
	{.letter = 'a',
         .name = "all",
         .help = "also counters and reasons that are zero",
         .offset = offsetof(struct lbctl_options, all)},
};

static const char *const first_octets[LBCTL_FIRST_OCTET_COUNT] = {
	[LBCTL_FIRST_LENGTH] = "length", [LBCTL_FIRST_RANDOM] = "random"};

// clang-format off
#define TEXT(name_, value_, field, help_) \
	{.name = (name_), .value = (value_), .help = (help_), .kind = ARGS_TEXT, \
	 .offset = offsetof(struct lbctl_options, field)}

#define QUIC_LB_OPTIONS \
	TEXT("config-id", "N", quic.config_id, "the three rotation bits, 0..6"), \
	TEXT("server-id-length", "N", quic.server_id_length, "bytes, 1..15"), \
	TEXT("nonce-length", "N", quic.nonce_length, "bytes, 4..18, together at most 19"), \
	TEXT("key", "HEX", quic.key, "AES-128 key, 32 digits (default: not encrypted)"), \
	TEXT("draft", "N", quic.draft, "19 (default, and later ones) or 18 (and 17)"), \
	TEXT("conf", "FILE", quic.conf, "take all that from a service of a configuration"), \
	TEXT("service", "NAME", quic.service, "the service of --conf")

static const struct args_option decode_options[] = {
	QUIC_LB_OPTIONS,
};

static const struct args_option encode_options[] = {
	QUIC_LB_OPTIONS,
	TEXT("server-id", "HEX", server_id, "the server's"),
	TEXT("nonce", "HEX", quic.nonce, "never twice with one key (default: random)"),
	TEXT("extra", "N", quic.extra, "random bytes to append (default 0)"),
	{.name = "first-octet", .value = "WHAT", .help = "in its low bits", .kind = ARGS_WORD,
	 .offset = offsetof(struct lbctl_options, quic.first_octet),
	 .words = first_octets, .n_words = ARRAY_LEN(first_octets)},
};

static const struct args_option explain_options[] = {
	TEXT("cid", "HEX", cid, "quic: destination connection ID of the packet, 1..20 bytes"),
	TEXT("scid", "HEX", scid, "quic: source connection ID, long headers only"),
	{.name = "long", .help = "quic: the CID in a long header (Handshake), not a short one",
	 .offset = offsetof(struct lbctl_options, long_header)},
};

#define NUMBER(name_, value_, field, min_, max_, help_) \
	{.name = (name_), .value = (value_), .help = (help_), .kind = ARGS_U32, \
	 .offset = offsetof(struct lbctl_options, field), .min = (min_), .max = (max_)}

#define CAPTURE_OPTIONS \
	TEXT("service", "NAME", capture.service, "only packets of this service, and nat answers to it"), \
	TEXT("filter", "EXPR", capture.filter, "only packets that match, as received or as sent; pcap-filter(7)"), \
	NUMBER("count", "N", capture.count, 1, UINT32_MAX, "end after so many packets"), \
	NUMBER("seconds", "S", capture.seconds, 1, 1000000, "end after this time"), \
	NUMBER("rate", "PPS", capture.rate, 1, CAPTURE_RATE_MAX, "at most so many packets a second and lane (default 10000)")

static const struct args_option capture_options[] = {
	{.letter = 'w', .name = "write", .value = "FILE", .help = "where to, in pcapng; - = stdout",
	 .kind = ARGS_TEXT, .offset = offsetof(struct lbctl_options, capture.file)},
	CAPTURE_OPTIONS,
	NUMBER("snap", "BYTES", capture.snap, 1, CAPTURE_SNAP_MAX, "bytes of each packet (default all)"),
	{.name = "only-received", .help = "not also as they leave",
	 .offset = offsetof(struct lbctl_options, capture.only_received)},
};

static const struct args_option check_options[] = {
	{.name = "no-files", .help = "certificates, keys and authorities are not opened",
	 .offset = offsetof(struct lbctl_options, no_files)},
};

static const struct args_option trace_options[] = {
	CAPTURE_OPTIONS,
	{.letter = 'l', .name = "long", .help = "also who talks to whom",
	 .offset = offsetof(struct lbctl_options, capture.is_long)},
};
// clang-format on

#define OPTIONS(table) .options = (table), .n_options = ARRAY_LEN(table)
#define BACKEND "POOL/NAME may be written as two words, POOL NAME."
#define UNSAVED "The change is lost at the next reload unless saved: lbctl save."
#define KEY_HELP \
	"PROTOCOL is tcp, udp or quic; SOURCE is the client. IPv6 is written [2001:db8::7]:40000."

#define CAPTURE_HELP                                                                                   \
	"Ends with the count, the time or Ctrl-C, and says then how many packets there were and how\n" \
	"many it missed. Lanes are never kept waiting. Services of the L7 workers cannot be seen on\n" \
	"af_xdp ports, where their packets go to the kernel: use tcpdump."

#define QUIC_LB_HELP                                                                            \
	"A key on the command line is seen by whoever may list processes; --conf keeps it in\n" \
	"its file. With --conf, decode takes the quic_lb that the CID names, encode the only\n" \
	"one or that of --config-id."

const struct lbctl_command lbctl_commands[] = {
	{.word = "status",
         .method = CTL_STATUS,
         .usage = "",
         .summary = "Shows what runs: node, generation, configuration, lanes, ports."},
	{.word = "check",
         .operands = LBCTL_FILE,
         .usage = "CONF",
         OPTIONS(check_options),
         .summary =
                 "Reads a configuration, and the certificates, keys and authorities that it names,\n"
                 "and says whether it is right. Needs no daemon."},
	{.word = "reload",
         .method = CTL_RELOAD,
         .usage = "",
         .summary = "Lets the daemon read its configuration again, all or nothing; flows go on."},
	{.word = "save",
         .method = CTL_SAVE,
         .usage = "",
         .summary = "Writes the running configuration to its file, atomically."},
	{.word = "services",
         .sub = "list",
         .is_default = true,
         .method = CTL_SERVICE_LIST,
         .usage = "",
         .summary = "Lists the services and their traffic."},
	{.word = "pools",
         .sub = "list",
         .is_default = true,
         .method = CTL_POOL_LIST,
         .usage = "",
         .summary = "Lists the pools."},
	{.word = "backends",
         .sub = "list",
         .is_default = true,
         .operands = LBCTL_POOL,
         .method = CTL_BACKEND_LIST,
         .usage = "[POOL]",
         .summary = "Lists the backends, also removed ones that still serve flows."},
	{.word = "backends",
         .sub = "add",
         .operands = LBCTL_ADD,
         .method = CTL_BACKEND_ADD,
         .usage = "POOL/NAME ADDRESS:PORT",
         OPTIONS(add_options),
         .more = BACKEND "\n" UNSAVED,
         .summary = "Adds a backend to a pool. IPv6 is written [2001:db8::1]:80."},
	{.word = "backends",
         .sub = "remove",
         .operands = LBCTL_NAMES,
         .method = CTL_BACKEND_REMOVE,
         .usage = "POOL/NAME...",
         .more = BACKEND "\n" UNSAVED,
         .summary = "Removes backends. Their flows go on until they end; new ones go elsewhere."},
	{.word = "backends",
         .sub = "weight",
         .operands = LBCTL_WEIGHT,
         .method = CTL_BACKEND_WEIGHT,
         .usage = "POOL/NAME WEIGHT",
         .more = BACKEND "\n" UNSAVED,
         .summary = "Changes a backend's share of new flows: 0..1000, 0 = none."},
	{.word = "backends",
         .sub = "up",
         .operands = LBCTL_NAMES,
         .method = CTL_BACKEND_STATE,
         .state = STATE_UP,
         .usage = "POOL/NAME...",
         .more = BACKEND "\n" UNSAVED,
         .summary = "Lets backends take new flows again."},
	{.word = "backends",
         .sub = "drain",
         .operands = LBCTL_NAMES,
         .method = CTL_BACKEND_STATE,
         .state = STATE_DRAIN,
         .usage = "POOL/NAME...",
         .more = BACKEND "\n" UNSAVED,
         .summary = "Gives backends no new flows; those that live go on."},
	{.word = "backends",
         .sub = "down",
         .operands = LBCTL_NAMES,
         .method = CTL_BACKEND_STATE,
         .state = STATE_DOWN,
         .usage = "POOL/NAME...",
         .more = BACKEND "\n" UNSAVED,
         .summary = "Gives backends nothing any more, living flows included."},
	{.word = "flows",
         .sub = "count",
         .is_default = true,
         .method = CTL_FLOW_COUNT,
         .usage = "",
         OPTIONS(flows_options),
         .hidden = "backends",
         .summary = "Counts the living flows."},
	{.word = "flows",
         .sub = "lookup",
         .operands = LBCTL_KEY,
         .method = CTL_FLOW_LOOKUP,
         .usage = "PROTOCOL SOURCE:PORT DESTINATION:PORT",
         .more = KEY_HELP,
         .summary = "Shows one flow: its backend, state and lane. Exits 1 if there is none."},
	{.word = "counters",
         .method = CTL_COUNTERS,
         .usage = "",
         OPTIONS(counters_options),
         .summary =
                 "Shows the counters that are not zero, the reasons, and the accounting identity."},
	{.word = "explain",
         .operands = LBCTL_KEY,
         .method = CTL_EXPLAIN,
         .usage = "PROTOCOL SOURCE:PORT DESTINATION:PORT",
         OPTIONS(explain_options),
         .more = KEY_HELP
         "\nWithout --cid, quic is a client's first packet: Initial, with a random CID.",
         .summary =
                 "Says what the lanes would do with a packet, and why. It is run through the same stages,\n"
                 "together with its flow if that lives (else it opens one), and goes nowhere."},
	{.word = "capture",
         .operands = LBCTL_CAPTURE,
         .method = CTL_CAPTURE,
         .usage = "-w FILE",
         OPTIONS(capture_options),
         .more = CAPTURE_HELP,
         .summary =
                 "Captures packets of the lanes, as received and as sent. The decision on each is its comment\n"
                 "in Wireshark: verdict, reason, service, backend, lane, new or known flow."},
	{.word = "trace",
         .operands = LBCTL_TRACE,
         .method = CTL_CAPTURE,
         .usage = "",
         OPTIONS(trace_options),
         .more = CAPTURE_HELP "\n-o json prints an object a line.",
         .summary =
                 "Follows the lanes' decisions. A line for each packet, as lbreplay prints them: number,\n"
                 "verdict, reason, backend."},
	{.word = "l7",
         .method = CTL_L7_STATUS,
         .usage = "",
         .summary =
                 "Shows the L7 workers: state, restarts, connections, streams, progress of a drain."},
	{.word = "quic-lb",
         .sub = "decode",
         .operands = LBCTL_CID,
         .usage = "CID",
         OPTIONS(decode_options),
         .answer = &lbctl_quic_lb_type,
         .more = QUIC_LB_HELP,
         .summary =
                 "Reads a QUIC-LB connection ID, in hexadecimal. Needs no daemon. Exits 1 if the CID\n"
                 "is not of this configuration, or --conf has no backend with its server ID."},
	{.word = "quic-lb",
         .sub = "encode",
         .operands = LBCTL_NO_CID,
         .usage = "",
         OPTIONS(encode_options),
         .answer = &lbctl_quic_lb_type,
         .more = QUIC_LB_HELP,
         .summary = "Makes a QUIC-LB connection ID. Needs no daemon."},
};
const size_t lbctl_n_commands = ARRAY_LEN(lbctl_commands);
