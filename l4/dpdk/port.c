// SPDX-License-Identifier: BSD-3-Clause
#include "l4/dpdk/port.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include "l4/base/log.h"
#include "l4/dpdk/channels.h"
#include "l4/dpdk/eal.h"
#include "l4/dpdk/punt.h"

enum { RX_DESCRIPTORS = 1024, TX_DESCRIPTORS = 1024, DEVARGS_SIZE = 1024 };

struct device {
	char name[32];
	char args[DEVARGS_SIZE];
};

static int plan_pcap(struct device *d, const struct conf_port *c, struct err *err)
{
	int len;

	if (access(c->rx, R_OK) != 0)
		return err_set(err, -errno, "rx: %s: %s", c->rx, strerror(errno));
	len = snprintf(d->args, sizeof(d->args), "rx_pcap=%s", c->rx);
	if (c->tx)
		len += snprintf(d->args + len, sizeof(d->args) - (size_t)len, ",tx_pcap=%s", c->tx);
	if (c->loop && len < DEVARGS_SIZE)
		len += snprintf(d->args + len, sizeof(d->args) - (size_t)len, ",infinite_rx=1");
	return len < DEVARGS_SIZE ? 0 : err_set(err, -ENAMETOOLONG, "rx, tx: names are too long");
}

static int plan_af_xdp(struct device *d, const struct conf_port *c, const char *xdp_object,
                       struct err *err)
{
	if (!if_nametoindex(c->device))
		return err_set(err, -ENODEV, "device: there is no network interface \"%s\"",
		               c->device);
	snprintf(d->args, sizeof(d->args), "iface=%s,start_queue=0,queue_count=%u,xdp_prog=%s",
	         c->device, c->queues, xdp_object);
	return channels_check(c->device, c->queues, err);
}

static int plan_vdev(struct device *d, const struct conf_port *c, struct err *err)
{
	size_t name_len = strcspn(c->device, ",");

	if (name_len >= sizeof(d->name) || strlen(c->device) >= sizeof(d->args))
		return err_set(err, -ENAMETOOLONG, "device: too long");
	memcpy(d->name, c->device, name_len);
	d->name[name_len] = '\0';
	snprintf(d->args, sizeof(d->args), "%s",
	         c->device[name_len] ? c->device + name_len + 1 : "");
	return 0;
}

// Name and arguments of the DPDK device.
static int plan_device(struct device *d, const struct conf_port *c, uint8_t index,
                       const char *xdp_object, struct err *err)
{
	switch ((enum conf_driver)c->driver) {
	case DRIVER_PCAP:
		snprintf(d->name, sizeof(d->name), "net_pcap%u", index);
		return plan_pcap(d, c, err);
	case DRIVER_AF_XDP:
		snprintf(d->name, sizeof(d->name), "net_af_xdp%u", index);
		return plan_af_xdp(d, c, xdp_object, err);
	case DRIVER_VDEV:
		return plan_vdev(d, c, err);
	case DRIVER_PCI:
		snprintf(d->name, sizeof(d->name), "%s", c->device);
		return 0;
	case DRIVER_NONE:
	case DRIVER_COUNT:
		break;
	}
	return err_set(err, -EINVAL, "driver: unknown");
}

static const char *const hints[DRIVER_COUNT] = {
	[DRIVER_PCI] =
		"is the device bound to vfio-pci (dpdk-devbind.py -b vfio-pci), and may this user open it?",
	[DRIVER_AF_XDP] =
		"AF_XDP needs CAP_NET_ADMIN, CAP_BPF and CAP_NET_RAW, and that many queues",
	[DRIVER_PCAP] = "is it an Ethernet capture in pcap format?",
	[DRIVER_VDEV] = "does this DPDK have the driver, and are its arguments right?",
};

static int make_device(struct port *p, const struct device *d, struct err *err)
{
	int rc;

	if (p->conf->driver != DRIVER_PCI) {
		rc = rte_eal_hotplug_add("vdev", d->name, d->args);
		if (rc)
			return err_set(err, rc < 0 ? rc : -rc, "device %s: %s (%s)", d->name,
			               rte_strerror(rc < 0 ? -rc : rc), hints[p->conf->driver]);
		snprintf(p->vdev, sizeof(p->vdev), "%s", d->name);
	}
	rc = rte_eth_dev_get_port_by_name(d->name, &p->device);
	if (rc)
		return err_set(err, -ENODEV, "device %s: DPDK does not find it (%s)", d->name,
		               hints[p->conf->driver]);
	return 0;
}

static uint16_t at_most(uint16_t want, uint16_t limit)
{
	return limit && want > limit ? limit : want;
}

static int set_queues(struct port *p, const struct eal *eal, struct err *err)
{
	uint16_t n_rxd = RX_DESCRIPTORS, n_txd = TX_DESCRIPTORS;
	int rc = rte_eth_dev_adjust_nb_rx_tx_desc(p->device, &n_rxd, &n_txd);

	for (uint16_t q = 0; !rc && q < p->n_rx; q++)
		rc = rte_eth_rx_queue_setup(p->device, q, n_rxd, SOCKET_ID_ANY, NULL, eal->pool);
	for (uint16_t q = 0; !rc && q < p->n_tx; q++)
		rc = rte_eth_tx_queue_setup(p->device, q, n_txd, SOCKET_ID_ANY, NULL);
	return rc ? err_set(err, rc, "queues: %s (%s)", rte_strerror(-rc), hints[p->conf->driver])
	          : 0;
}

// The kernel's interface belongs to the operator: its MTU is read, never set.
static void check_mtu(const struct port *p)
{
	struct ifreq request = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", p->conf->device);
	if (ioctl(fd, SIOCGIFMTU, &request) == 0 && request.ifr_mtu < p->conf->mtu)
		LOG_WARN("mtu is larger than the interface's port=%s mtu=%u interface=%s "
		         "interface_mtu=%d",
		         p->conf->name, p->conf->mtu, p->conf->device, request.ifr_mtu);
	close(fd);
}

// Between configure and start: several drivers refuse afterwards.
static void set_mtu(const struct port *p)
{
	uint16_t present;
	int rc = rte_eth_dev_get_mtu(p->device, &present);

	if (!rc && present == p->conf->mtu)
		return;
	rc = rte_eth_dev_set_mtu(p->device, p->conf->mtu);
	if (rc && rc != -ENOTSUP)
		LOG_WARN("mtu not set port=%s mtu=%u reason=\"%s\"", p->conf->name, p->conf->mtu,
		         rte_strerror(-rc));
}

static int configure(struct port *p, const struct conf *conf, const struct eal *eal,
                     struct err *err)
{
	struct rte_eth_conf eth = {0};
	struct rte_eth_dev_info info;
	int rc = rte_eth_dev_info_get(p->device, &info);

	if (rc)
		return err_set(err, rc, "device: %s", rte_strerror(-rc));
	p->n_rx = at_most(p->conf->queues, info.max_rx_queues);
	if (p->n_rx < p->conf->queues)
		return err_set(err, -EINVAL, "queues: the device has %u, not %u",
		               info.max_rx_queues, p->conf->queues);
	// af_xdp and some virtual devices come in pairs of queues; asking for more than they have
	// fails.
	p->n_tx = at_most(conf->n_lanes, info.max_tx_queues);
	if (p->conf->driver == DRIVER_AF_XDP)
		p->n_tx = at_most(p->n_tx, p->n_rx);
	p->is_tx_shared = p->n_tx < conf->n_lanes;
	if (p->n_rx > 1) {
		eth.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		eth.rx_adv_conf.rss_conf.rss_hf =
			info.flow_type_rss_offloads &
			(RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);
		if (!eth.rx_adv_conf.rss_conf.rss_hf)
			eth.rxmode.mq_mode = RTE_ETH_MQ_RX_NONE; // the kernel or the peer spreads
	}
	rc = rte_eth_dev_configure(p->device, p->n_rx, p->n_tx, &eth);
	if (rc)
		return err_set(err, rc, "queues: %s (%s)", rte_strerror(-rc),
		               hints[p->conf->driver]);
	if (p->conf->driver == DRIVER_AF_XDP)
		check_mtu(p);
	else
		set_mtu(p);
	return set_queues(p, eal, err);
}

// A NIC filters by its address; the other drivers take every frame.
static int set_mac(const struct port *p, struct err *err)
{
	struct rte_ether_addr mac;
	int rc;

	memcpy(mac.addr_bytes, p->conf->mac.byte, sizeof(mac.addr_bytes));
	rc = rte_eth_dev_default_mac_addr_set(p->device, &mac);
	return rc ? err_set(err, rc, "mac: the device does not take it: %s", rte_strerror(-rc)) : 0;
}

static int learn(struct port *p, struct err *err)
{
	struct rte_ether_addr own;
	int rc = rte_eth_macaddr_get(p->device, &own);

	if (rc)
		return err_set(err, rc, "mac: %s", rte_strerror(-rc));
	memcpy(p->mac.byte, own.addr_bytes, sizeof(p->mac.byte));
	if (!mac_is_zero(&p->conf->mac)) {
		p->mac = p->conf->mac;
		if (p->conf->driver == DRIVER_PCI)
			return set_mac(p, err);
	}
	if (p->conf->driver != DRIVER_AF_XDP)
		return 0;
	snprintf(p->if_name, sizeof(p->if_name), "%s", p->conf->device);
	p->if_index = if_nametoindex(p->conf->device);
	return 0;
}

// ND and VRRP are multicast: the host on the punt interface has to hear them.
static void hear_multicast(const struct port *p)
{
	int rc;

	if (p->conf->driver != DRIVER_PCI || p->punt == PORT_NO_DEVICE)
		return;
	rc = rte_eth_allmulticast_enable(p->device);
	if (rc && rc != -ENOTSUP)
		LOG_WARN("multicast not received port=%s reason=\"%s\"", p->conf->name,
		         rte_strerror(-rc));
}

int port_open(struct port *p, const struct conf *conf, uint8_t index, const struct eal *eal,
              const char *xdp_object, struct err *err)
{
	struct device d = {0};
	struct xsk_set others;
	int rc;

	xsk_find(&others);
	*p = (struct port){
		.conf = &conf->ports[index], .punt = PORT_NO_DEVICE, .device = PORT_NO_DEVICE};
	rte_spinlock_init(&p->tx_lock);
	rte_spinlock_init(&p->punt_lock);
	rc = plan_device(&d, p->conf, index, xdp_object, err);
	if (!rc)
		rc = make_device(p, &d, err);
	if (!rc)
		rc = configure(p, conf, eal, err);
	xsk_find(&p->sockets);
	xsk_drop(&p->sockets, &others);
	if (!rc)
		rc = learn(p, err);
	if (!rc)
		rc = punt_open(p, conf, index, eal, err);
	if (rc) {
		err_prefix(err, "ports[%u]", index);
		port_close(p);
		return rc;
	}
	if (p->is_tx_shared)
		LOG_INFO("send queues are shared port=%s queues=%u lanes=%u", p->conf->name,
		         p->n_tx, conf->n_lanes);
	return 0;
}

int port_start(struct port *p, struct err *err)
{
	int rc = rte_eth_dev_start(p->device);

	if (rc)
		return err_set(err, rc, "port %s: %s (%s)", p->conf->name, rte_strerror(-rc),
		               hints[p->conf->driver]);
	hear_multicast(p);
	return punt_start(p, err);
}

static void close_device(uint16_t device)
{
	if (device == PORT_NO_DEVICE)
		return;
	if (rte_eth_dev_stop(device) != 0)
		LOG_WARN("port did not stop device=%u", device);
	rte_eth_dev_close(device);
}

void port_close(struct port *p)
{
	close_device(p->punt);
	close_device(p->device);
	p->punt = PORT_NO_DEVICE;
	p->device = PORT_NO_DEVICE;
}

bool port_link_is_up(const struct port *p)
{
	struct rte_eth_link link;

	return rte_eth_link_get_nowait(p->device, &link) == 0 &&
	       link.link_status == RTE_ETH_LINK_UP;
}

uint64_t port_missed(const struct port *p)
{
	struct rte_eth_stats stats;

	if (p->conf->driver == DRIVER_AF_XDP)
		return xsk_missed(&p->sockets);
	return rte_eth_stats_get(p->device, &stats) == 0 ? stats.imissed : 0;
}
