// SPDX-License-Identifier: BSD-3-Clause
// Finds one living flow in the lanes' tables, from the control thread and without disturbing them.
#pragma once

#include "l4/ctrl/control.h"
#include "l4/data/pkt.h"
#include "l4/model/ctl_rows.h"

struct flow_lookup {
	uint16_t lane;
	uint16_t service; // roster id
	uint16_t age_s;   // since its last packet
	struct flow_copy copy;
};

// The 5-tuple of the control protocol as the corridor has it.
void flow_lookup_key(struct pkt_key *out, const struct ctl_flow_key *key);

// Roster id of the service that the key's destination is, or was; 0 if none.
uint16_t flow_lookup_service(const struct control *c, const struct ctl_flow_key *key);

// The flow of a client's packet / of a backend's packet to one of our snat addresses. False if no lane has it,
// for a backend's packet also if the lane has not taken over the newest snapshot within 20 ms.
bool flow_lookup_client(const struct control *c, const struct ctl_flow_key *key,
                        struct flow_lookup *out);
bool flow_lookup_reply(const struct control *c, const struct ctl_flow_key *key,
                       struct flow_lookup *out);
