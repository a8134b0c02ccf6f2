// SPDX-License-Identifier: BSD-3-Clause
// A manager in a loop of its own, with real workers on ports that were free a moment ago.
#pragma once

#include "l7/conn.h"
#include "l7/manager.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct managerbuild {
	struct loop loop;
	struct manager manager;
	char dir[64];  // of the test's own
	char file[96]; // conf.json in it
};

static inline void managerbuild_begin(struct managerbuild *b)
{
	snprintf(b->dir, sizeof(b->dir), "%s", "/tmp/lb47-unit.XXXXXX");
	cr_assert_not_null(mkdtemp(b->dir));
	snprintf(b->file, sizeof(b->file), "%s/conf.json", b->dir);
	cr_assert_eq(loop_init(&b->loop, 64 << 20), 0);
	cr_assert_eq(conn_loop_init(&b->loop), 0);
	cr_assert_eq(manager_init(&b->manager, &b->loop, b->file), 0);
}

static inline void managerbuild_end(struct managerbuild *b)
{
	char command[96];

	manager_drain(&b->manager);
	manager_drain(&b->manager);
	if (b->manager.n_workers)
		loop_run(&b->loop); // until they have ended
	manager_fini(&b->manager);
	loop_fini(&b->loop);
	conn_loop_fini(&b->loop);
	snprintf(command, sizeof(command), "rm -r %s", b->dir);
	cr_expect_eq(system(command), 0);
}

static inline uint16_t managerbuild_port(int *listening)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	cr_assert_eq(bind(fd, (struct sockaddr *)&at, len), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	if (listening) {
		cr_assert_eq(listen(fd, 16), 0);
		*listening = fd;
	} else {
		close(fd);
	}
	return ntohs(at.sin_port);
}

// A configuration from JSON with ' for ".
static inline char *managerbuild_quote(char *text)
{
	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	return text;
}

static inline struct conf *managerbuild_conf(const char *text)
{
	char *copy = managerbuild_quote(strdup(text));
	struct conf *conf = NULL;
	struct err err = {0};

	cr_assert_eq(conf_parse(&conf, copy, strlen(copy), &err), 0, "%s", err.msg);
	free(copy);
	return conf;
}
