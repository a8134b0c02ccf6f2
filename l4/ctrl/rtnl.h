// SPDX-License-Identifier: BSD-3-Clause
// rtnetlink messages: builds the requests and reads the answers and events that neighbor.c needs.
// Pure: bytes in, values out, no socket. Formats: rtnetlink(7), linux/rtnetlink.h, linux/neighbour.h.
//
// Readers take any bytes: a message is read only as far as its own length and the buffer's end,
// whichever comes first; attributes that are cut or of a wrong size are as if absent.
#pragma once

#include <libmnl/libmnl.h>

#include "l4/base/addr.h"
#include "l4/base/slice.h"

enum { RTNL_REQUEST_SIZE = 128 }; // bytes; the longest request below has 56

struct rtnl_neigh {
	unsigned if_index;
	struct addr address;
	uint16_t state; // NUD_*
	bool has_mac;
	struct mac mac;
};

struct rtnl_route {
	uint8_t type;     // RTN_*
	unsigned oif;     // 0 = none
	bool has_gateway; // else the destination itself is the neighbour
	struct addr gateway;
};

struct rtnl_link {
	unsigned if_index;
	bool is_up; // administratively, and the carrier is there
	bool has_mac;
	struct mac mac;
};

// Cuts the next whole message off the front of *bytes. False at the end or where the rest is not a
// message; *bytes is then empty.
bool rtnl_next(struct slice *bytes, struct slice *message);

// nlmsg_type and nlmsg_seq of what rtnl_next() gave.
uint16_t rtnl_type(struct slice message);
uint32_t rtnl_seq(struct slice message);

// What an NLMSG_ERROR says: 0 or -errno; -EBADMSG if it is cut.
int rtnl_error(struct slice message);

// Read a message of type RTM_NEWNEIGH or RTM_DELNEIGH, RTM_NEWROUTE, RTM_NEWLINK or RTM_DELLINK.
// False, *out untouched, if it is no such message, is cut, or is of a family that we do not serve
// (bridge entries, proxies).
bool rtnl_read_neigh(struct rtnl_neigh *out, struct slice message);
bool rtnl_read_route(struct rtnl_route *out, struct slice message);
bool rtnl_read_link(struct rtnl_link *out, struct slice message);

// Write a request into buf[RTNL_REQUEST_SIZE] (aligned as malloc does) and return it, ready to send.
// The route to an address; answered by one RTM_NEWROUTE or NLMSG_ERROR.
struct nlmsghdr *rtnl_write_get_route(void *buf, const struct addr *to);
// One neighbour; answered by one RTM_NEWNEIGH or NLMSG_ERROR (Linux 5.0).
struct nlmsghdr *rtnl_write_get_neigh(void *buf, unsigned if_index, const struct addr *address);
// One interface; answered by one RTM_NEWLINK or NLMSG_ERROR.
struct nlmsghdr *rtnl_write_get_link(void *buf, unsigned if_index);
// Resolve or re-confirm this neighbour as if a packet had been sent to it; answered by NLMSG_ERROR.
struct nlmsghdr *rtnl_write_use_neigh(void *buf, unsigned if_index, const struct addr *address);
