// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbctl_capture.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "l4/base/clock.h"
#include "l4/model/ctl.h"
#include "tools/lbctl_capture_file.h"
#include "tools/lbctl_client.h"
#include "tools/lbctl_feed.h"
#include "tools/lbctl_filter.h"
#include "tools/lbctl_packet.h"
#include "tools/pcapng.h"

enum {
	LOOK_MS =
		5, // how often the rings are looked at: far below the time in which the rate fills one
	TURN = 4096, // packets between two looks at the clock and the daemon
};

// Lanes tell a packet within a burst's time, and are sometimes kept from it for a while: what is older comes in order.
static const uint64_t SETTLED_NS = 10 * CLOCK_NS_PER_MS;

struct session {
	const struct lbctl_options *opts;
	bool is_trace;
	struct lbctl_client client;
	struct ctl_capture answer;
	struct lbctl_feed feed;
	struct pcapng out;
	uint64_t
		unix_ns; // of the monotonic clock's zero: one for the whole file, whoever sets the clock meanwhile
	uint64_t start_ns;                  // monotonic
	uint64_t n;                         // packets written
	uint64_t n_written[CONF_MAX_PORTS]; // of these, to a file, by the port of entry
	struct err err;                     // why it ended too early
	bool is_over;
};

static volatile sig_atomic_t is_interrupted;

static void on_signal(int number)
{
	is_interrupted = 1;
}

// The second Ctrl-C is not caught: whoever waits for our reader has a way out.
static void catch_signals(void)
{
	struct sigaction stop = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGHUP, &stop, NULL);
	sigaction(SIGPIPE, &ignore, NULL); // EPIPE says so
	sigaction(SIGXFSZ, &ignore, NULL); // EFBIG does
}

static int complain(const struct err *err)
{
	fflush(stdout);
	fprintf(stderr, "lbctl: %s\n", err->msg);
	return LBCTL_NO;
}

// --- the request ---

static char *request_line(const struct session *s, char *filter, size_t *len)
{
	const struct lbctl_capture_options *o = &s->opts->capture;
	struct ctl_request r = {.method = CTL_CAPTURE, .id = {.kind = CTL_ID_NUMBER, .number = 1}};
	struct ctl_capture_params *params = &r.params.capture_params;

	ctl_method_init_params(CTL_CAPTURE, &r.params);
	snprintf(params->service, sizeof(params->service), "%s", o->service ? o->service : "");
	params->filter = filter;
	if (o->rate)
		params->rate = o->rate;
	if (o->snap || s->is_trace)
		params->snap = o->snap;
	params->sent = !s->is_trace && !o->only_received;
	return ctl_request_encode(&r, len);
}

static int ask(struct session *s, const char *const *paths, char *filter)
{
	union ctl_result result;
	size_t len = 0;
	char *line = request_line(s, filter, &len);
	int rc = line ? lbctl_client_open(&s->client, paths, line, len, &s->err)
	              : err_set(&s->err, -ENOMEM, "out of memory");

	free(line);
	if (rc)
		return rc;
	rc = ctl_answer_decode(&result, CTL_CAPTURE, s->client.answer, s->client.len, &s->err);
	if (!rc && s->client.passed < 0) {
		ctl_method_free_result(CTL_CAPTURE, &result);
		rc = err_set(&s->err, -EPROTO, "the daemon passed no memory");
	}
	if (!rc)
		s->answer = result.capture;
	else
		lbctl_client_close(&s->client);
	return rc;
}

static int begin(struct session *s, const char *const *paths)
{
	const char *expression = s->opts->capture.filter;
	char *filter = NULL;
	int rc = expression ? lbctl_filter_compile(&filter, expression, &s->err) : 0;

	if (rc)
		return rc;
	rc = ask(s, paths, filter);
	free(filter);
	if (rc)
		return rc;
	rc = lbctl_feed_open(&s->feed, s->client.passed, &s->err);
	if (!rc)
		return 0;
	lbctl_client_close(&s->client);
	ctl_field_free_owned(ctl_method_types[CTL_CAPTURE].result, &s->answer);
	return rc;
}

// --- packets ---

static void tell(struct session *s, const struct capture_record *r)
{
	s->n++;
	if (s->opts->output == LBCTL_JSON)
		lbctl_packet_json(stdout, s->n, r, s->unix_ns + r->time_ns);
	else if (s->opts->capture.is_long)
		lbctl_packet_long_line(stdout, s->n, r);
	else
		lbctl_packet_line(stdout, s->n, r);
}

static void take(struct session *s, const struct capture_record *r)
{
	uint32_t most = s->opts->capture.count;

	if (s->is_trace) {
		tell(s, r);
		lbctl_feed_next(&s->feed, r);
	} else {
		s->n++;
		s->n_written[r->port]++;
		lbctl_capture_file_packet(&s->out, r, s->unix_ns + r->time_ns, s->n,
		                          lbctl_feed_missed(&s->feed, r));
		lbctl_feed_next(&s->feed, r);
	}
	s->is_over |= most && s->n == most;
}

// What is older than `until_ns`, TURN packets of it at most. False if there may be more.
static bool take_some(struct session *s, uint64_t until_ns)
{
	const struct capture_record *r;

	for (int i = 0; i < TURN && !s->is_over; i++) {
		if (lbctl_feed_peek(&s->feed, until_ns, &r)) {
			err_set(&s->err, -EPROTO, "what the daemon tells of packets is damaged");
			s->is_over = true;
			return true;
		}
		if (!r)
			return true;
		take(s, r);
	}
	return s->is_over;
}

static const char *target(const struct session *s)
{
	const char *file = s->opts->capture.file;

	return s->is_trace || strcmp(file, "-") == 0 ? "stdout" : file;
}

// Nobody waits for what has come. A reader who has gone has seen enough; a full disk is an error.
static void flush(struct session *s)
{
	int rc = s->is_trace ? (fflush(stdout) || ferror(stdout) ? -errno : 0)
	                     : pcapng_flush(&s->out);

	if (!rc)
		return;
	s->is_over = true;
	if (rc == -EPIPE && s->is_trace && !freopen("/dev/null", "w", stdout))
		rc = -errno; // else what is still buffered would be complained of
	if (rc != -EPIPE)
		err_set(&s->err, rc, "%s: %s; what stands before that is whole", target(s),
		        strerror(-rc));
}

// --- the daemon ---

static void see_end(struct session *s)
{
	enum capture_end end = lbctl_feed_end(&s->feed);

	if (end == CAPTURE_GOES_ON || s->is_over)
		return;
	s->is_over = true;
	err_set(&s->err, -ENOENT, "%s",
	        end == CAPTURE_SERVICE_GONE ? "the service has left the configuration"
	                                    : "the daemon has stopped");
}

// Waits for a while, or for the daemon's end.
static void wait_a_while(struct session *s)
{
	struct pollfd door = {.fd = s->client.fd, .events = POLLIN};
	char ignored[64];

	if (poll(&door, 1, LOOK_MS) <= 0)
		return;
	if (recv(s->client.fd, ignored, sizeof(ignored), MSG_DONTWAIT) != 0)
		return;
	s->is_over = true;
	err_set(&s->err, -EPIPE, "the daemon has gone");
}

static bool is_time_over(const struct session *s, uint64_t now_ns)
{
	return s->opts->capture.seconds &&
	       now_ns - s->start_ns >= s->opts->capture.seconds * CLOCK_NS_PER_S;
}

static void follow(struct session *s)
{
	while (!s->is_over) {
		uint64_t now_ns = clock_now_ns();
		bool is_last = is_interrupted || is_time_over(s, now_ns);
		bool is_dry = take_some(s, now_ns - SETTLED_NS);

		flush(s);
		see_end(s);
		if (s->is_over)
			break;
		if (is_last)
			return;
		if (is_dry)
			wait_a_while(s);
	}
}

// What came before the end and was too young then. Not more: packets may go on coming.
static void take_rest(struct session *s)
{
	uint32_t most = s->opts->capture.count;
	uint64_t now_ns = clock_now_ns();

	if ((most && s->n == most) ||
	    (s->err.code && s->err.code != -EPIPE && s->err.code != -ENOENT))
		return;
	s->is_over = false;
	while (!take_some(s, now_ns))
		;
}

// --- the whole ---

static uint64_t unix_zero(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * CLOCK_NS_PER_S + (uint64_t)t.tv_nsec - clock_now_ns();
}

static void summarize(const struct session *s, const struct capture_counts *sum)
{
	const char *what = s->is_trace ? "shown" : "captured";

	fprintf(stderr,
	        "lbctl: %" PRIu64 " packets %s, %" PRIu64 " not wanted by the filter, %" PRIu64
	        " beyond the rate, %" PRIu64 " lost\n",
	        s->n, what, sum->filtered, sum->limited, sum->lost);
	if (sum->limited)
		fprintf(stderr, "lbctl: --rate is %u packets a second and lane\n",
		        s->opts->capture.rate ? s->opts->capture.rate : CAPTURE_RATE_DEFAULT);
}

// A block for each interface: tools show drops beside the one that had them.
static void write_statistics(struct session *s)
{
	uint64_t now_ns = clock_now_ns();

	for (uint32_t i = 0; i < s->answer.ports.n && i < CONF_MAX_PORTS; i++) {
		struct capture_counts c = lbctl_feed_port_counts(&s->feed, (uint8_t)i);
		struct pcapng_statistics port = {
			.interface = i,
			.time_ns = s->unix_ns + now_ns,
			.start_ns = s->unix_ns + s->start_ns,
			.received = c.seen,
			.accepted = c.seen - c.filtered,
			.dropped = c.limited + c.lost,
			.delivered = s->n_written[i],
		};

		pcapng_statistics(&s->out, &port);
	}
}

static void run_session(struct session *s)
{
	struct capture_counts sum;

	s->start_ns = clock_now_ns();
	s->unix_ns = unix_zero();
	if (*s->answer.note)
		fprintf(stderr, "lbctl: note: %s\n", s->answer.note);
	if (!s->is_trace) {
		lbctl_capture_file_head(&s->out, &s->opts->capture, &s->answer);
		flush(s); // for whoever reads as it grows
	}
	follow(s);
	take_rest(s);
	sum = lbctl_feed_counts(&s->feed);
	if (!s->is_trace)
		write_statistics(s);
	flush(s);
	summarize(s, &sum);
}

static int check_options(const struct args *args, const struct session *s)
{
	const struct lbctl_capture_options *o = &s->opts->capture;

	if (o->service && (!*o->service || strlen(o->service) >= CTL_NAME_SIZE))
		return args_wrong(args, "--service: '%s' is no name of a service", o->service);
	if (s->is_trace)
		return 0;
	if (!o->file)
		return args_wrong(args, "-w FILE is missing");
	if (strcmp(o->file, "-") == 0 && isatty(STDOUT_FILENO))
		return args_wrong(args, "-w -: a capture is not for a terminal");
	return 0;
}

int lbctl_capture_run(const struct args *args, const struct lbctl_command *c,
                      const struct lbctl_options *opts, const char *const *paths)
{
	static struct session s;
	int rc;

	s = (struct session){.opts = opts, .is_trace = c->operands == LBCTL_TRACE};
	rc = check_options(args, &s);
	if (rc)
		return rc;
	if (begin(&s, paths))
		return complain(&s.err);
	rc = s.is_trace ? 0 : pcapng_open(&s.out, opts->capture.file, &s.err);
	if (!rc) {
		catch_signals();
		run_session(&s);
		if (!s.is_trace)
			pcapng_close(&s.out);
	}
	lbctl_feed_close(&s.feed);
	lbctl_client_close(&s.client);
	ctl_field_free_owned(ctl_method_types[CTL_CAPTURE].result, &s.answer);
	return s.err.code ? complain(&s.err) : LBCTL_DONE;
}
