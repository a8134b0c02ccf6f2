// SPDX-License-Identifier: BSD-3-Clause
#include "l4/ctrl/rtnl.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

// Attributes by type, borrowed from the message. RTA_*, NDA_* and IFLA_* that we read are below this.
enum { N_ATTRS = 32 };
struct attrs {
	struct slice by_type[N_ATTRS]; // ptr NULL = absent
};

static_assert((int)RTA_VIA < (int)N_ATTRS, "the highest that is read");

static uint8_t family_of(const struct addr *a)
{
	return a->family == ADDR_IP4 ? AF_INET : AF_INET6;
}

static size_t addr_len(const struct addr *a)
{
	return a->family == ADDR_IP4 ? sizeof(a->ip4) : sizeof(a->ip6);
}

static struct nlmsghdr header_of(struct slice message)
{
	struct nlmsghdr h;

	memcpy(&h, message.ptr, sizeof(h));
	return h;
}

// The message's fixed part (struct ndmsg and the like) if all of it is there.
static bool read_fixed(void *out, size_t size, struct slice message)
{
	if (message.len < NLMSG_HDRLEN + size)
		return false;
	memcpy(out, message.ptr + NLMSG_HDRLEN, size);
	return true;
}

// libmnl's own iterator goes on to the aligned end, up to three bytes behind the message, and wants
// aligned bytes; this one does neither.
static void read_attrs(struct attrs *out, struct slice message, size_t fixed)
{
	size_t at = NLMSG_HDRLEN + NLMSG_ALIGN(fixed);
	struct nlattr a;

	memset(out, 0, sizeof(*out));
	while (at < message.len && message.len - at >= sizeof(a)) {
		memcpy(&a, message.ptr + at, sizeof(a));
		if (a.nla_len < sizeof(a) || a.nla_len > message.len - at)
			return;
		if ((a.nla_type & NLA_TYPE_MASK) < N_ATTRS)
			out->by_type[a.nla_type & NLA_TYPE_MASK] =
				slice_of(message.ptr + at + sizeof(a), a.nla_len - sizeof(a));
		at += NLMSG_ALIGN((size_t)a.nla_len);
	}
}

static bool read_addr(struct addr *out, struct slice bytes, uint8_t family)
{
	be32 ip4;

	if (family == AF_INET && bytes.len == sizeof(ip4)) {
		memcpy(&ip4, bytes.ptr, sizeof(ip4));
		*out = addr_ip4(ip4);
		return true;
	}
	if (family == AF_INET6 && bytes.len == sizeof(out->ip6)) {
		*out = addr_ip6(bytes.ptr);
		return true;
	}
	return false;
}

// Interfaces without Ethernet addresses (tunnels) have none, or one of another length.
static bool read_mac(struct mac *out, struct slice bytes)
{
	if (bytes.len != sizeof(out->byte))
		return false;
	memcpy(out->byte, bytes.ptr, sizeof(out->byte));
	return true;
}

// RTA_VIA: struct rtvia { family, address }, an IPv4 route over an IPv6 gateway (RFC 5549).
static bool read_via(struct addr *out, struct slice bytes)
{
	struct rtvia head;

	if (bytes.len < sizeof(head))
		return false;
	memcpy(&head, bytes.ptr, sizeof(head));
	return read_addr(out, slice_of(bytes.ptr + sizeof(head), bytes.len - sizeof(head)),
	                 (uint8_t)head.rtvia_family);
}

bool rtnl_next(struct slice *bytes, struct slice *message)
{
	size_t len, step;

	len = bytes->len < sizeof(struct nlmsghdr) ? 0 : header_of(*bytes).nlmsg_len;
	if (len < sizeof(struct nlmsghdr) || len > bytes->len) {
		*bytes = slice_of(NULL, 0);
		return false;
	}
	*message = slice_of(bytes->ptr, len);
	step = NLMSG_ALIGN(len) < bytes->len ? NLMSG_ALIGN(len) : bytes->len;
	*bytes = slice_of(bytes->ptr + step, bytes->len - step);
	return true;
}

uint16_t rtnl_type(struct slice message)
{
	return header_of(message).nlmsg_type;
}

uint32_t rtnl_seq(struct slice message)
{
	return header_of(message).nlmsg_seq;
}

int rtnl_error(struct slice message)
{
	int32_t code;

	if (!read_fixed(&code, sizeof(code), message))
		return -EBADMSG;
	return code;
}

bool rtnl_read_neigh(struct rtnl_neigh *out, struct slice message)
{
	struct rtnl_neigh neigh = {0};
	struct attrs attrs;
	struct ndmsg nd;

	if (rtnl_type(message) != RTM_NEWNEIGH && rtnl_type(message) != RTM_DELNEIGH)
		return false;
	if (!read_fixed(&nd, sizeof(nd), message) || nd.ndm_flags & NTF_PROXY)
		return false;
	read_attrs(&attrs, message, sizeof(nd));
	if (!read_addr(&neigh.address, attrs.by_type[NDA_DST], nd.ndm_family))
		return false;
	neigh.if_index = (unsigned)nd.ndm_ifindex;
	neigh.state = nd.ndm_state;
	neigh.has_mac = read_mac(&neigh.mac, attrs.by_type[NDA_LLADDR]);
	*out = neigh;
	return true;
}

bool rtnl_read_route(struct rtnl_route *out, struct slice message)
{
	struct rtnl_route route = {0};
	struct attrs attrs;
	struct slice oif;
	struct rtmsg rt;

	if (rtnl_type(message) != RTM_NEWROUTE || !read_fixed(&rt, sizeof(rt), message))
		return false;
	read_attrs(&attrs, message, sizeof(rt));
	oif = attrs.by_type[RTA_OIF];
	if (oif.len == sizeof(route.oif))
		memcpy(&route.oif, oif.ptr, sizeof(route.oif));
	route.type = rt.rtm_type;
	route.has_gateway = read_addr(&route.gateway, attrs.by_type[RTA_GATEWAY], rt.rtm_family) ||
	                    read_via(&route.gateway, attrs.by_type[RTA_VIA]);
	*out = route;
	return true;
}

bool rtnl_read_link(struct rtnl_link *out, struct slice message)
{
	struct rtnl_link link = {0};
	struct ifinfomsg ifi;
	struct attrs attrs;

	if (rtnl_type(message) != RTM_NEWLINK && rtnl_type(message) != RTM_DELLINK)
		return false;
	// A bridge speaks of its ports in the same words; those messages are not about the interface.
	if (!read_fixed(&ifi, sizeof(ifi), message) || ifi.ifi_family != AF_UNSPEC)
		return false;
	read_attrs(&attrs, message, sizeof(ifi));
	link.if_index = (unsigned)ifi.ifi_index;
	link.is_up = rtnl_type(message) == RTM_NEWLINK && ifi.ifi_flags & IFF_UP &&
	             ifi.ifi_flags & IFF_RUNNING;
	link.has_mac = read_mac(&link.mac, attrs.by_type[IFLA_ADDRESS]);
	*out = link;
	return true;
}

static struct nlmsghdr *write_header(void *buf, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	return h;
}

struct nlmsghdr *rtnl_write_get_route(void *buf, const struct addr *to)
{
	struct nlmsghdr *h = write_header(buf, RTM_GETROUTE, 0);
	struct rtmsg *rt = mnl_nlmsg_put_extra_header(h, sizeof(*rt));

	rt->rtm_family = family_of(to);
	rt->rtm_dst_len = (uint8_t)(addr_len(to) * 8);
	mnl_attr_put(h, RTA_DST, addr_len(to), to->ip6);
	return h;
}

static void write_neigh(struct nlmsghdr *h, unsigned if_index, const struct addr *address,
                        uint8_t flags)
{
	struct ndmsg *nd = mnl_nlmsg_put_extra_header(h, sizeof(*nd));

	nd->ndm_family = family_of(address);
	nd->ndm_ifindex = (int)if_index;
	nd->ndm_flags = flags;
	mnl_attr_put(h, NDA_DST, addr_len(address), address->ip6);
}

struct nlmsghdr *rtnl_write_get_neigh(void *buf, unsigned if_index, const struct addr *address)
{
	struct nlmsghdr *h = write_header(buf, RTM_GETNEIGH, 0);

	write_neigh(h, if_index, address, 0);
	return h;
}

struct nlmsghdr *rtnl_write_get_link(void *buf, unsigned if_index)
{
	struct nlmsghdr *h = write_header(buf, RTM_GETLINK, 0);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(h, sizeof(*ifi));

	ifi->ifi_index = (int)if_index;
	return h;
}

// What `ip neigh add ADDRESS dev DEVICE use` sends but for the state, which neigh_add() in the kernel's
// net/core/neighbour.c does not look at for NTF_USE: it creates the entry as NUD_NONE and starts to
// probe, or moves a stale one to NUD_DELAY.
struct nlmsghdr *rtnl_write_use_neigh(void *buf, unsigned if_index, const struct addr *address)
{
	struct nlmsghdr *h = write_header(buf, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_ACK);

	write_neigh(h, if_index, address, NTF_USE);
	return h;
}
