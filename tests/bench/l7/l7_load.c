// SPDX-License-Identifier: BSD-3-Clause
// l7_load: what the L7 benchmarks have at both ends of a proxy. Everything is on 127.0.0.1.
//
//   l7_load origin PORT                                   load_origin.h
//   l7_load sockets PORT COUNT [tls]                      load_sockets.h
//   l7_load events PORT PATH STREAMS EVENTS GAP_US        load_events.h
//   l7_load handshakes PORT SECONDS THREADS               load_handshakes.h
//   l7_load turns KIND ORIGIN_PORT TURNS ROUNDS PROXY...  load_turns.h
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "l4/base/clock.h"
#include "tests/bench/l7/load_events.h"
#include "tests/bench/l7/load_handshakes.h"
#include "tests/bench/l7/load_origin.h"
#include "tests/bench/l7/load_sockets.h"
#include "tests/bench/l7/load_turns.h"

// The scripts write the numbers, so a wrong one is a fault of theirs that shows at once.
static uint64_t number(const char *text)
{
	return strtoull(text, NULL, 10);
}

static int run_origin(char **args, int n)
{
	return load_origin_run((uint16_t)number(args[0]));
}

static int run_sockets(char **args, int n)
{
	return load_sockets_run((uint16_t)number(args[0]), number(args[1]),
	                        n > 2 && !strcmp(args[2], "tls"));
}

static int run_events(char **args, int n)
{
	const struct load_events_plan plan = {
		.port = (uint16_t)number(args[0]),
		.path = args[1],
		.n_streams = number(args[2]),
		.n_events = number(args[3]),
		.gap_us = number(args[4]),
	};

	return load_events_run(&plan);
}

static int run_handshakes(char **args, int n)
{
	const double seconds = strtod(args[1], NULL);

	return load_handshakes_run((uint16_t)number(args[0]), (uint64_t)(seconds * 1e9),
	                           number(args[2]));
}

static int run_turns(char **args, int n)
{
	const struct load_turns_plan plan = {
		.kind = args[0],
		.origin_port = (uint16_t)number(args[1]),
		.n_turns = number(args[2]),
		.n_rounds = number(args[3]),
		.proxies = args + 4,
		.n_proxies = (uint32_t)n - 4,
	};

	return load_turns_run(&plan);
}

static const struct {
	const char *name;
	int (*run)(char **args, int n);
	int n_min, n_max;
} commands[] = {
	{"origin", run_origin, 1, 1},
	{"sockets", run_sockets, 2, 3},
	{"events", run_events, 5, 5},
	{"handshakes", run_handshakes, 3, 3},
	{"turns", run_turns, 5, 4 + TURNS_PROXIES},
};

int main(int argc, char **argv)
{
	signal(SIGPIPE,
	       SIG_IGN); // a proxy that goes is counted; OpenSSL's writes would end us instead
	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(commands); i++) {
		const int n = argc - 2;

		if (!strcmp(argv[1], commands[i].name) && n >= commands[i].n_min &&
		    n <= commands[i].n_max)
			return commands[i].run(argv + 2, n);
	}
	fputs("usage: l7_load origin PORT | sockets PORT COUNT [tls] | events PORT PATH STREAMS EVENTS GAP_US | "
	      "handshakes PORT SECONDS THREADS | turns KIND ORIGIN_PORT TURNS ROUNDS NAME:PORT:PID...\n",
	      stderr);
	return 2;
}
