// SPDX-License-Identifier: BSD-3-Clause
// Snapshots for tests from a text that reads like a configuration file, with ' for ":
//
//	struct snapbuild s;
//
//	snapbuild_open(&s, snapbuild_edge);
//	snapbuild_health(&s, "web-1", HEALTH_UNHEALTHY);
//	snapbuild_change(&s, "'web-2', ", "'web-2', 'state': 'drain', ");
//	old = snapbuild_next(&s);           // s.snap is new; free the old one when nobody reads it
//	snapshot_free(old);
//	snapbuild_close(&s);
//
// A text that is no configuration ends the test. Backends with a "mac" have a next hop, others none.
#pragma once

#include "l4/model/snapshot.h"

// Services of every kind on 203.0.113.10 and 2001:db8::10:
//   80 dsr tcp, 53 dsr udp, 8080 nat tcp, 1234 nat udp, 81 dsr tcp without flow table, 443 L7.
// Pools web (web-1..3, port 80), api (api-1..3, port 8000), and so on; the sixes have a 6 behind.
extern const char snapbuild_edge[];

struct snapbuild {
	char *text; // owned, already JSON
	struct conf *conf;
	struct roster roster;
	struct snapshot *snap; // the newest; owned
	uint64_t now_ns;       // of the roster; a test may set it
};

void snapbuild_open(struct snapbuild *s, const char *text);
void snapbuild_close(struct snapbuild *s);

// Replaces the only occurrence of `from` in the text, to be seen by the next snapshot.
void snapbuild_change(struct snapbuild *s, const char *from, const char *to);

// Compiles text, roster and health anew. Returns the snapshot of before; free it.
struct snapshot *snapbuild_next(struct snapbuild *s);

void snapbuild_health(struct snapbuild *s, const char *backend, enum health health);

// Roster ids by name; a name that nobody has, retired ones included, ends the test.
uint16_t snapbuild_backend(const struct snapbuild *s, const char *name);
uint16_t snapbuild_service(const struct snapbuild *s, const char *name);
