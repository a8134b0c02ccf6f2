// SPDX-License-Identifier: BSD-3-Clause
#include "l4/dpdk/punt.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include "l4/base/log.h"
#include "l4/dpdk/eal.h"
#include "l4/dpdk/port.h"

enum { PUNT_DESCRIPTORS = 512, TAP_MAX_QUEUES = 16 };

static enum conf_punt choose(const struct conf_port *c)
{
	bool has_vhost = access("/dev/vhost-net", R_OK | W_OK) == 0;

	if (c->driver == DRIVER_AF_XDP || c->driver == DRIVER_PCAP)
		return PUNT_NONE;
	if (c->punt != PUNT_AUTO)
		return (enum conf_punt)c->punt;
	return has_vhost ? PUNT_VIRTIO_USER : PUNT_TAP;
}

static int make(struct port *p, uint8_t index, enum conf_punt kind, struct err *err)
{
	char name[32], args[160], mac[MAC_TEXT_SIZE];
	int rc;

	mac_text(&p->mac, mac);
	snprintf(p->if_name, sizeof(p->if_name), "%.15s", p->conf->name);
	if (if_nametoindex(p->if_name))
		return err_set(err, -EEXIST,
		               "punt: there is a network interface \"%s\" already; choose "
		               "another name for the port",
		               p->if_name);
	if (kind == PUNT_TAP) {
		snprintf(name, sizeof(name), "net_tap%u", index);
		snprintf(args, sizeof(args), "iface=%s,mac=%s", p->if_name, mac);
	} else {
		snprintf(name, sizeof(name), "virtio_user%u", index);
		snprintf(args, sizeof(args),
		         "path=/dev/vhost-net,queues=1,queue_size=1024,iface=%s,mac=%s", p->if_name,
		         mac);
	}
	rc = rte_eal_hotplug_add("vdev", name, args);
	if (!rc)
		rc = rte_eth_dev_get_port_by_name(name, &p->punt);
	if (rc)
		return err_set(err, rc,
		               "punt: %s: %s (needs %s and CAP_NET_ADMIN; \"punt\": \"none\" does "
		               "without)",
		               name, rte_strerror(-rc),
		               kind == PUNT_TAP ? "/dev/net/tun" : "/dev/vhost-net");
	return 0;
}

int punt_open(struct port *p, const struct conf *conf, uint8_t index, const struct eal *eal,
              struct err *err)
{
	enum conf_punt kind = choose(p->conf);
	struct rte_eth_conf eth = {0};
	int rc;

	if (kind == PUNT_NONE)
		return 0;
	rc = make(p, index, kind, err);
	if (rc)
		return rc;
	// A TAP has as many receive queues as send queues; only the first receives in practice, and
	// all are polled by lane 0.
	p->n_punt_tx = kind == PUNT_TAP && conf->n_lanes <= TAP_MAX_QUEUES ? conf->n_lanes : 1;
	p->is_punt_shared = p->n_punt_tx < conf->n_lanes;
	rc = rte_eth_dev_configure(p->punt, p->n_punt_tx, p->n_punt_tx, &eth);
	for (uint16_t q = 0; !rc && q < p->n_punt_tx; q++)
		rc = rte_eth_rx_queue_setup(p->punt, q, PUNT_DESCRIPTORS, SOCKET_ID_ANY, NULL,
		                            eal->pool);
	for (uint16_t q = 0; !rc && q < p->n_punt_tx; q++)
		rc = rte_eth_tx_queue_setup(p->punt, q, PUNT_DESCRIPTORS, SOCKET_ID_ANY, NULL);
	if (rc)
		return err_set(err, rc, "punt: queues: %s", rte_strerror(-rc));
	p->if_index = if_nametoindex(p->if_name);
	return 0;
}

int punt_start(struct port *p, struct err *err)
{
	int rc;

	if (p->punt == PORT_NO_DEVICE)
		return 0;
	rc = rte_eth_dev_start(p->punt);
	if (rc)
		return err_set(err, rc, "port %s: punt: %s", p->conf->name, rte_strerror(-rc));
	p->if_index = if_nametoindex(p->if_name);
	LOG_INFO("punt interface is up port=%s interface=%s", p->conf->name, p->if_name);
	return 0;
}
