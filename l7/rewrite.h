// SPDX-License-Identifier: BSD-3-Clause
// What a head becomes on its way through us: hop-by-hop fields go, who the client is and who we are is added, and the
// route's own changes are made. Works in place on a parsed head; new values lie in `scratch`, borrowed
// until the head is written. Any thread.
#pragma once

#include "l4/base/addr.h"
#include "l4/model/conf.h"
#include "l7/message.h"
#include "l7/text.h"

enum { REWRITE_ID_SIZE = 33 }; // 32 hex digits and the end

struct rewrite_client {
	struct addr address; // of the client, PROXY protocol considered
	struct addr local;   // where it came to us
	be16 port, local_port;
	bool is_tls;
	bool appends; // "forwarded": keep the client's claims and append; else drop them
};

// Request towards a backend, always HTTP/1.1 or later there:
// 1. HOP fields are dropped (the parser did it to those that Connection names); an Upgrade stays in r->upgrade, which the caller
//    keeps or clears, and becomes "websocket" alone if that is in it; "X_Forwarded-For" and the like, which
//    CGI and WSGI take for a claim or for framing, are dropped;
// 2. X-Forwarded-For, -Proto, -Host and Forwarded (RFC 7239; IPv6 quoted and bracketed) are set or appended to;
//    X-Real-IP is dropped unless `appends`. Appending joins several fields to one; a Proto and a Host that came are kept
//    as they are, since no backend expects a list there;
// 3. Via: "1.1 node", "1.0 node" or "2.0 node" is appended (RFC 9110 section 7.6.3);
// 4. X-Request-Id is kept if it is 1..128 visible characters without quotes, otherwise made: `id` (32 hex digits) is used;
//    *request_id is whichever;
// 5. Host is there, from an absolute target if there was one, the address that the client came to if HTTP/1.0 gave none; "TE: trailers" if accepts_trailers;
// 6. the route's rewrite of the path's prefix and its set and remove (set: replaces all of that name, '_' being
//    the same as '-').
// False if it does not fit (fields or scratch): 431. route may be NULL.
NODISCARD bool rewrite_request(struct request *r, const struct rewrite_client *client,
                               const char *node, const struct conf_route *route, const char *id,
                               struct slice *request_id, struct text *scratch);

// Response towards a client: HOP fields dropped, Via appended, the route's set and remove.
NODISCARD bool rewrite_response(struct response *r, const char *node,
                                const struct conf_route *route, struct text *scratch);

// The same of an answer of ours: the route's set and remove alone. False: there is no room for all of them.
NODISCARD bool rewrite_answer(struct response *r, const struct conf_route *route);

// The Location of a redirect: $host is the request's without its port, $uri its path and query, percent-encoded where a URI may not
// hold it as it is. False if it does not fit, would hold what no header may, or wants a host that nobody said.
NODISCARD bool rewrite_location(struct text *out, const char *location, const struct request *r);
