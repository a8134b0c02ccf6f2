// SPDX-License-Identifier: BSD-3-Clause
// One connection to the admin address: requests in their order, the next one once the answer to the last is with the kernel.
// A client has ten seconds for a request's head, a minute between requests. Of a page of metrics, which is made piece by piece as it takes
// it, it must take some every ten seconds, and all in five minutes; one that is cut ends with a reset.
#pragma once

#include "l7/admin_page.h"

enum {
	ADMIN_CLIENT_LINE = 2048, // bytes of a request line
	ADMIN_CLIENT_HEAD = 8192, // bytes of a head
	ADMIN_CLIENT_FIELDS = 64,
};

struct admin_client;

struct admin_client_setup {
	struct loop *loop;
	int fd;                            // connected, non-blocking; consumed on success
	const struct admin_source *source; // borrowed
	struct admin_page_turns *turns;    // likewise
	void (*gone)(struct admin_client *client, void *data); // once, while it is being closed
	void *data;
};

// 0, -ENOMEM or what epoll_ctl(2) said.
NODISCARD int admin_client_open(struct admin_client **out, const struct admin_client_setup *setup);
void admin_client_close(struct admin_client *c);

// Between two requests, or with its last answer.
bool admin_client_is_idle(const struct admin_client *c);
