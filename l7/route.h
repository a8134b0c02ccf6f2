// SPDX-License-Identifier: BSD-3-Clause
// Which route takes a request. Order of preference, whatever the order in the file:
//   1. host: exact, then the longest wildcard, then any; without case and port, a final dot is ignored;
//   2. path: exact, then the longest prefix, whole segments only ("/chat" takes /chat and /chat/x, not /chatter; "/chat/" takes
//      what begins with it);
//   3. conditions (method, headers, cookies, query): more of them before fewer, then the file's order.
// A host that has routes, none of which matches, falls through to the next less specific host. Paths are compared
// byte by byte, as sent: "/%63hat" is not "/chat"; "/a/../b" is not normalised (rewriting such targets is how bypasses begin),
// and is refused by whoever calls if it wants to.
#pragma once

#include "l7/message.h"
#include "l7/site.h"

// Compiles l7->conf; memory from the arena. 0 or -ENOMEM.
NODISCARD int route_build(struct site_l7 *l7, struct arena *arena);

// NULL if none matches.
const struct site_route *route_find(const struct site_l7 *l7, const struct request *r);

// Where a name occurs several times, the first counts: in conditions, too. All are borrowed from the request.
// The value of a header by name, without case; ptr NULL if there is none.
struct slice route_header(const struct fields *fields, const char *name);

// The value of a cookie by name, from all Cookie fields (RFC 6265 section 5.4); empty with ptr NULL if there is none.
struct slice route_cookie(const struct fields *fields, const char *name);

// The raw value of a query parameter ("a=1&b"): ptr NULL if absent, empty if without value.
struct slice route_query(struct slice query, const char *name);
