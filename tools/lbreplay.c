// SPDX-License-Identifier: BSD-3-Clause
// lbreplay: pcap in, verdicts and pcap out, through the object code of the lanes.
#include <errno.h>
#include <inttypes.h>
#include <pcap.h>
#include <stdio.h>
#include <string.h>

#include "l4/base/args.h"
#include "l4/base/clock.h"
#include "tools/replay.h"

enum { EXIT_NO = 1, EXIT_IDENTITY = 3 };

struct options {
	const char *conf;
	const char *in;
	const char *out;
	const char *port;
	uint32_t repeat;
	bool trace;
	bool quiet;
	bool counters;
};

// clang-format off: a table
static const struct args_option option_list[] = {
	{'c', "conf", "FILE", "configuration of lb4d", .kind = ARGS_TEXT,
         .offset = offsetof(struct options, conf)},
	{'r', "read", "FILE", "capture to replay, pcap or pcapng, Ethernet; - = stdin",
         .kind = ARGS_TEXT, .offset = offsetof(struct options, in)},
	{'w', "write", "FILE", "capture of what leaves: forwarded and answered; - = stdout",
         .kind = ARGS_TEXT, .offset = offsetof(struct options, out)},
	{'p', "port", "NAME", "port where the packets come in (the first)", .kind = ARGS_TEXT,
         .offset = offsetof(struct options, port)},
	{'t', "trace", .help = "tell what each stage did with each packet",
         .offset = offsetof(struct options, trace)},
	{'q', "quiet", .help = "no line for each packet",
         .offset = offsetof(struct options, quiet)},
	{.name = "counters",
         .help = "at the end, all counters that are not zero, on stderr",
         .offset = offsetof(struct options, counters)},
	{.name = "repeat",
         .value = "N",
         .help = "replay the capture N times, one after the other",
         .kind = ARGS_U32,
         .offset = offsetof(struct options, repeat),
         .min = 1,
         .max = UINT32_MAX},
};
// clang-format on

static const struct args args = {
	.program = "lbreplay",
	.usage = "-c FILE -r FILE",
	.summary =
		"Replays a capture through the pipeline of lb4d: no NIC, no root. One line for each "
		"packet:\nnumber, verdict, reason, backend (- where there is none).",
	.more = "One lane; time is that of the capture and never goes back. Packets come in on one "
		"port and\nleave by it. What a daemon would ask the kernel for is made up where the "
		"configuration\ndoes not say it:\n"
		"  ports[i].mac          02:00:00:00:47:00 + i\n"
		"  a backend's mac       02:47:00:00 and the backend's number: the first of the file is 1\n"
		"  a port, if none       \"replay\"\n\n"
		"Exit status: 0 done, 1 cannot read or write, or the configuration is wrong, 2 wrong "
		"usage,\n3 the counters do not add up.",
	.options = option_list,
	.n_options = ARRAY_LEN(option_list),
};

struct tool {
	struct options opt;
	struct replay replay;
	pcap_dumper_t *out; // NULL = nothing is written
	pcap_t *out_form;   // what `out` was made from
	uint64_t n_lines;
	uint64_t first_ns; // time of the capture's first packet
	uint64_t shift_ns; // added to the capture's clock, see replay_rounds()
	bool is_cut_said;
};

static int complain(const char *file, const char *what)
{
	fprintf(stderr, "lbreplay: %s: %s\n", file, what);
	return EXIT_NO;
}

static void print_lines(struct tool *t)
{
	const struct replay *r = &t->replay;

	for (uint32_t i = 0; i < r->n_pkts; i++) {
		const struct pkt *p = &r->pkts[i];

		printf("%" PRIu64 " %-8s %-9s %s\n", ++t->n_lines, stats_verdict_names[p->verdict],
		       stats_reason_names[p->reason], replay_backend(r, p));
	}
	for (uint32_t i = 0; t->opt.trace && i < r->trace.n_steps; i++)
		printf("    %-9s %s\n", r->trace.step[i].stage, r->trace.step[i].text);
}

static void write_packets(const struct tool *t)
{
	const struct replay *r = &t->replay;

	for (uint32_t i = 0; i < r->n_pkts; i++) {
		const struct pkt *p = &r->pkts[i];
		struct pcap_pkthdr h = {.caplen = p->len, .len = p->len};

		if (p->verdict != VERDICT_FORWARD && p->verdict != VERDICT_ANSWER)
			continue;
		h.ts.tv_sec = (time_t)(r->time_ns[i] / CLOCK_NS_PER_S);
		h.ts.tv_usec = (suseconds_t)(r->time_ns[i] %
		                             CLOCK_NS_PER_S); // nanoseconds, see open_out()
		pcap_dump((u_char *)t->out, &h, p->data);
	}
}

static void finish_burst(struct tool *t)
{
	replay_run(&t->replay);
	if (!t->opt.quiet)
		print_lines(t);
	if (t->out)
		write_packets(t);
	replay_clear(&t->replay);
}

static int feed(struct tool *t, const struct pcap_pkthdr *h, const uint8_t *frame)
{
	uint64_t time_ns =
		(uint64_t)h->ts.tv_sec * CLOCK_NS_PER_S + (uint64_t)h->ts.tv_usec + t->shift_ns;
	int rc;

	if (h->caplen < h->len && !t->is_cut_said) {
		fprintf(stderr,
		        "lbreplay: %s: the capture cut packets short (first: %u of %u bytes); "
		        "they are judged as they are\n",
		        t->opt.in, h->caplen, h->len);
		t->is_cut_said = true;
	}
	if (t->replay.n_fed + t->replay.n_pkts == 0)
		t->first_ns = time_ns;
	rc = replay_add(&t->replay, frame, h->caplen, time_ns);
	if (rc == -EAGAIN) {
		finish_burst(t);
		rc = replay_add(&t->replay, frame, h->caplen, time_ns);
	}
	return rc ? complain(t->opt.in, "out of memory") : 0;
}

static pcap_t *open_in(const struct tool *t)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	pcap_t *in =
		pcap_open_offline_with_tstamp_precision(t->opt.in, PCAP_TSTAMP_PRECISION_NANO, why);
	const char *link;

	if (!in) {
		// libpcap names the file in some of its sentences, not in all.
		size_t n = strlen(t->opt.in);
		bool is_named = strncmp(why, t->opt.in, n) == 0 && strncmp(why + n, ": ", 2) == 0;

		complain(t->opt.in, is_named ? why + n + 2 : why);
		return NULL;
	}
	if (pcap_datalink(in) == DLT_EN10MB)
		return in;
	link = pcap_datalink_val_to_name(pcap_datalink(in));
	fprintf(stderr, "lbreplay: %s: link type %s, only Ethernet (EN10MB) can be replayed\n",
	        t->opt.in, link ? link : "unknown");
	pcap_close(in);
	return NULL;
}

// One round through the capture. What was readable before an error has been replayed.
static int replay_file(struct tool *t)
{
	struct pcap_pkthdr *h;
	const uint8_t *frame;
	pcap_t *in = open_in(t);
	int got, rc = 0;

	if (!in)
		return EXIT_NO;
	while (!rc && (got = pcap_next_ex(in, &h, &frame)) == 1)
		rc = feed(t, h, frame);
	finish_burst(t);
	if (!rc && got == PCAP_ERROR)
		rc = complain(t->opt.in, pcap_geterr(in));
	pcap_close(in);
	return rc;
}

// The rounds follow one another on the clock as if the capture were that much longer.
static int replay_rounds(struct tool *t)
{
	int rc = replay_file(t);
	uint64_t span_ns = t->replay.now_ns - t->first_ns + 1;

	for (uint32_t i = 1; !rc && i < t->opt.repeat; i++) {
		t->shift_ns += span_ns;
		rc = replay_file(t);
	}
	return rc;
}

static int open_out(struct tool *t)
{
	if (!t->opt.out)
		return 0;
	t->out_form = pcap_open_dead_with_tstamp_precision(DLT_EN10MB, 262144,
	                                                   PCAP_TSTAMP_PRECISION_NANO);
	if (!t->out_form)
		return complain(t->opt.out, "out of memory");
	t->out = pcap_dump_open(t->out_form, t->opt.out);
	return t->out ? 0 : complain(t->opt.out, pcap_geterr(t->out_form));
}

static int close_out(struct tool *t)
{
	int rc = 0;

	if (fflush(stdout) != 0 || ferror(stdout))
		rc = complain("stdout", "cannot write");
	if (t->out && (pcap_dump_flush(t->out) != 0 || ferror(pcap_dump_file(t->out))))
		rc = complain(t->opt.out, "cannot write");
	if (t->out)
		pcap_dump_close(t->out);
	if (t->out_form)
		pcap_close(t->out_form);
	return rc;
}

static void print_fields(const char *what, const char *name, const void *counters,
                         const struct stats_field *fields, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (stats_value(counters, &fields[i]))
			fprintf(stderr, "%s %s %s %" PRIu64 "\n", what, name, fields[i].name,
			        stats_value(counters, &fields[i]));
}

static void print_services(const struct replay *r)
{
	for (uint16_t id = 1; id < r->roster.n_services; id++) {
		struct service_counters c;

		stats_sum_service(&r->stats, id, &c);
		print_fields("service", r->roster.services[id].name, &c, stats_service_fields,
		             STATS_SERVICE_FIELDS);
	}
}

static void print_backends(const struct replay *r)
{
	for (uint16_t id = 1; id < r->roster.n_backends; id++) {
		const struct roster_backend *b = &r->roster.backends[id];
		char name[2 * CONF_NAME_MAX + 2];
		struct backend_counters c;

		stats_sum_backend(&r->stats, id, &c);
		snprintf(name, sizeof(name), "%s/%s", b->pool, b->name);
		print_fields("backend", name, &c, stats_backend_fields, STATS_BACKEND_FIELDS);
	}
}

static void print_counters(const struct replay *r, const struct lane_counters *sum)
{
	uint64_t by_verdict[VERDICT_COUNT] = {0};

	print_fields("lane", "0", sum, stats_lane_fields, STATS_LANE_FIELDS);
	for (size_t i = 0; i < REASON_COUNT; i++) {
		by_verdict[stats_reason_verdicts[i]] += sum->reason[i];
		if (sum->reason[i])
			fprintf(stderr, "reason %s %s %" PRIu64 "\n",
			        stats_verdict_names[stats_reason_verdicts[i]],
			        stats_reason_names[i], sum->reason[i]);
	}
	print_services(r);
	print_backends(r);
	fprintf(stderr,
	        "identity rx_packets %" PRIu64 " = forward %" PRIu64 " + punt %" PRIu64
	        " + answer %" PRIu64 " + drop %" PRIu64 "\n",
	        sum->rx_packets, by_verdict[VERDICT_FORWARD], by_verdict[VERDICT_PUNT],
	        by_verdict[VERDICT_ANSWER], by_verdict[VERDICT_DROP]);
}

static int check_counters(const struct tool *t)
{
	struct lane_counters sum;
	bool adds_up = replay_counters(&t->replay, &sum);

	if (t->opt.counters)
		print_counters(&t->replay, &sum);
	if (adds_up)
		return 0;
	fprintf(stderr,
	        "lbreplay: the counters do not add up: %" PRIu64 " packets replayed, "
	        "%" PRIu64 " counted, %" PRId64 " more than their reasons\n",
	        t->replay.n_fed, sum.rx_packets, stats_identity(&sum));
	return EXIT_IDENTITY;
}

static int run(struct tool *t)
{
	struct err err = {0};
	struct conf *conf;
	int rc, rc_out;

	if (conf_load(&conf, t->opt.conf, &err)) {
		fprintf(stderr, "lbreplay: %s\n", err.msg);
		return EXIT_NO;
	}
	if (replay_open(&t->replay, conf, t->opt.port, &err)) {
		conf_free(conf);
		return complain(t->opt.conf, err.msg);
	}
	t->replay.is_tracing = t->opt.trace;
	rc = open_out(t);
	if (!rc)
		rc = replay_rounds(t);
	rc_out = close_out(t);
	if (!rc)
		rc = rc_out;
	rc_out = check_counters(t);
	replay_close(&t->replay);
	conf_free(conf);
	return rc_out ? rc_out : rc;
}

int main(int argc, char **argv)
{
	static struct tool tool = {.opt = {.repeat = 1}};

	switch (args_read(&args, &tool.opt, &argc, argv)) {
	case ARGS_SAID:
		return 0;
	case ARGS_WRONG:
		return 2;
	case ARGS_OK:
		break;
	}
	if (argc > 1)
		return args_wrong(&args, "%s is not expected here", argv[1]);
	if (!tool.opt.conf || !tool.opt.in)
		return args_wrong(&args, "%s is missing", tool.opt.conf ? "-r FILE" : "-c FILE");
	if (tool.opt.repeat > 1 && strcmp(tool.opt.in, "-") == 0)
		return args_wrong(&args, "stdin cannot be read more than once");
	if (tool.opt.out && strcmp(tool.opt.out, "-") == 0 && !tool.opt.quiet)
		return args_wrong(&args,
		                  "-w - and the lines of the packets would mix: add --quiet");
	return run(&tool);
}
