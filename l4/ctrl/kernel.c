// SPDX-License-Identifier: BSD-3-Clause
#include "l4/ctrl/kernel.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

enum {
	ANSWER_SIZE = 32768,             // an interface with many queues and statistics: some 3 KB
	ANSWER_WAIT_US = 100 * 1000,     // never needed
	EVENTS_BUFFER = 2 * 1024 * 1024, // some thousand events between two turns of the loop
	PORT_DISCARD = 9,                // RFC 863
};

static const unsigned groups[] = {
	RTNLGRP_NEIGH,      RTNLGRP_LINK,        RTNLGRP_IPV4_ROUTE,
	RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
	RTNLGRP_IPV4_RULE,  RTNLGRP_IPV6_RULE,   RTNLGRP_NEXTHOP,
};

// The first message of the burst that answers request `seq`. Late answers to a question that was given
// up are skipped.
static bool find_answer(struct slice burst, uint32_t seq, struct slice *answer)
{
	while (rtnl_next(&burst, answer))
		if (rtnl_seq(*answer) == seq)
			return true;
	return false;
}

// Sends the request and leaves the one answer in buf, where *answer points. 0 or -errno; an
// acknowledgement is 0.
static int ask(struct kernel *k, struct nlmsghdr *request, void *buf, struct slice *answer)
{
	ssize_t len;

	request->nlmsg_seq = ++k->seq;
	if (mnl_socket_sendto(k->nl, request, request->nlmsg_len) < 0)
		return -errno;
	do {
		len = mnl_socket_recvfrom(k->nl, buf, ANSWER_SIZE);
		if (len < 0 && errno != EINTR)
			return -errno;
	} while (len < 0 || !find_answer(slice_of(buf, (size_t)len), k->seq, answer));
	return rtnl_type(*answer) == NLMSG_ERROR ? rtnl_error(*answer) : 0;
}

int kernel_open(struct kernel *k)
{
	struct timeval wait = {.tv_usec = ANSWER_WAIT_US};
	int rc;

	*k = (struct kernel){.udp4 = -1, .udp6 = -1};
	k->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!k->nl)
		return -errno;
	if (mnl_socket_bind(k->nl, 0, MNL_SOCKET_AUTOPID) == 0 &&
	    setsockopt(mnl_socket_get_fd(k->nl), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == 0)
		return 0;
	rc = -errno;
	kernel_close(k);
	return rc;
}

void kernel_close(struct kernel *k)
{
	if (k->udp4 >= 0)
		close(k->udp4);
	if (k->udp6 >= 0)
		close(k->udp6);
	if (k->nl)
		mnl_socket_close(k->nl);
	*k = (struct kernel){.udp4 = -1, .udp6 = -1};
}

int kernel_route(struct kernel *k, const struct addr *to, struct rtnl_route *out)
{
	_Alignas(struct nlmsghdr) uint8_t request[RTNL_REQUEST_SIZE];
	_Alignas(struct nlmsghdr) uint8_t buf[ANSWER_SIZE];
	struct slice answer;
	int rc = ask(k, rtnl_write_get_route(request, to), buf, &answer);

	if (rc)
		return rc;
	return rtnl_read_route(out, answer) ? 0 : -EBADMSG;
}

int kernel_neigh(struct kernel *k, unsigned if_index, const struct addr *address,
                 struct rtnl_neigh *out)
{
	_Alignas(struct nlmsghdr) uint8_t request[RTNL_REQUEST_SIZE];
	_Alignas(struct nlmsghdr) uint8_t buf[ANSWER_SIZE];
	struct slice answer;
	int rc = ask(k, rtnl_write_get_neigh(request, if_index, address), buf, &answer);

	if (rc)
		return rc;
	return rtnl_read_neigh(out, answer) ? 0 : -EBADMSG;
}

int kernel_link(struct kernel *k, unsigned if_index, struct rtnl_link *out)
{
	_Alignas(struct nlmsghdr) uint8_t request[RTNL_REQUEST_SIZE];
	_Alignas(struct nlmsghdr) uint8_t buf[ANSWER_SIZE];
	struct slice answer;
	int rc = ask(k, rtnl_write_get_link(request, if_index), buf, &answer);

	if (rc)
		return rc;
	return rtnl_read_link(out, answer) ? 0 : -EBADMSG;
}

static void send_to(int *fd, const struct sockaddr *to, socklen_t len)
{
	if (*fd < 0)
		*fd = socket(to->sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	// What cannot be sent now is tried again by the caller's back-off.
	if (*fd < 0 || sendto(*fd, "", 0, 0, to, len) < 0)
		return;
}

static void send_datagram(struct kernel *k, const struct addr *to)
{
	be16 port = be16_from(PORT_DISCARD);
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = be16_raw(port)};
	struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = be16_raw(port)};

	if (to->family == ADDR_IP4) {
		in4.sin_addr.s_addr = be32_raw(to->ip4);
		send_to(&k->udp4, (const struct sockaddr *)&in4, sizeof(in4));
	} else {
		memcpy(&in6.sin6_addr, to->ip6, sizeof(to->ip6));
		send_to(&k->udp6, (const struct sockaddr *)&in6, sizeof(in6));
	}
}

void kernel_ask(struct kernel *k, unsigned if_index, const struct addr *via, const struct addr *to)
{
	_Alignas(struct nlmsghdr) uint8_t request[RTNL_REQUEST_SIZE];
	_Alignas(struct nlmsghdr) uint8_t buf[ANSWER_SIZE];
	struct slice answer;

	if (!k->is_refused)
		k->is_refused = ask(k, rtnl_write_use_neigh(request, if_index, via), buf,
		                    &answer) == -EPERM;
	if (k->is_refused)
		send_datagram(k, to);
}

int kernel_subscribe(void)
{
	struct sockaddr_nl self = {.nl_family = AF_NETLINK};
	int size = EVENTS_BUFFER;
	int rc;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	// Needs CAP_NET_ADMIN; without it the system's limit has to do, and an overrun is survived.
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(fd, (const struct sockaddr *)&self, sizeof(self)) < 0)
		goto err_fd;
	for (size_t i = 0; i < ARRAY_LEN(groups); i++)
		if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i],
		               sizeof(groups[i])) < 0)
			goto err_fd;
	return fd;
err_fd:
	rc = -errno;
	close(fd);
	return rc;
}

int kernel_events(int fd, void *buf, size_t size)
{
	struct sockaddr_nl from = {0};
	socklen_t from_len = sizeof(from);
	ssize_t len = recvfrom(fd, buf, size, MSG_TRUNC, (struct sockaddr *)&from, &from_len);

	if (len < 0)
		return -errno;
	if (from.nl_pid != 0)
		return 0;
	return (size_t)len <= size ? (int)len : -ENOBUFS;
}
