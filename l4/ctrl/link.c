// SPDX-License-Identifier: BSD-3-Clause
#include "l4/ctrl/link.h"

#include <errno.h>
#include <string.h>

#include "l4/base/log.h"

int link_port(const struct control *c, unsigned if_index)
{
	for (int i = 0; i < c->conf->n_ports; i++)
		if (if_index && c->ports[i].if_index == if_index)
			return i;
	return -1;
}

// Whether nobody but the kernel can say what the port's MAC and link are.
static bool is_kernel_port(const struct control *c, size_t i)
{
	return c->conf->ports[i].driver == DRIVER_AF_XDP && c->ports[i].if_index;
}

static bool follow_mac(struct control *c, size_t i, const struct rtnl_link *link)
{
	const struct conf_port *port = &c->conf->ports[i];
	char text[MAC_TEXT_SIZE];

	if (!link->has_mac || memcmp(&c->ports[i].if_mac, &link->mac, sizeof(link->mac)) == 0)
		return false;
	c->ports[i].if_mac = link->mac;
	if (!mac_is_zero(&port->mac) ||
	    memcmp(&c->ports[i].mac, &link->mac, sizeof(link->mac)) == 0)
		return true;
	c->ports[i].mac = link->mac;
	LOG_INFO("port mac port=%s mac=%s", port->name, mac_text(&link->mac, text));
	return true;
}

static void follow_state(struct control *c, size_t i, bool is_up)
{
	if (c->ports[i].link_up == is_up)
		return;
	c->ports[i].link_up = is_up;
	log_line(is_up ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "link %s port=%s device=%s",
	         is_up ? "up" : "down", c->conf->ports[i].name, c->ports[i].if_name);
}

bool link_follow(struct control *c, struct kernel *k)
{
	bool changed = false;

	for (size_t i = 0; i < c->conf->n_ports; i++) {
		struct rtnl_link link = {0};
		int rc;

		if (!is_kernel_port(c, i))
			continue;
		rc = kernel_link(k, c->ports[i].if_index, &link);
		if (rc && rc != -ENODEV)
			continue;
		follow_state(c, i, link.is_up);
		changed |= follow_mac(c, i, &link);
	}
	return changed;
}
