// SPDX-License-Identifier: BSD-3-Clause
#include "l4/dpdk/channels.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static bool ask(const char *device, struct ethtool_channels *out)
{
	struct ifreq request = {.ifr_data = (void *)out};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int rc;

	if (fd < 0)
		return false;
	out->cmd = ETHTOOL_GCHANNELS;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device);
	rc = ioctl(fd, SIOCETHTOOL, &request);
	close(fd);
	return rc == 0;
}

int channels_check(const char *device, unsigned n, struct err *err)
{
	struct ethtool_channels c = {0};
	unsigned n_rx;

	if (!ask(device, &c))
		return 0;
	n_rx = c.rx_count + c.combined_count;
	if (n > 1 && c.combined_count < n)
		return err_set(err, -EINVAL,
		               "queues: AF_XDP can have %u of %s, not %u (its combined channels; "
		               "ethtool -L %s combined %u)",
		               c.combined_count ? c.combined_count : 1, device, n, device, n);
	if (n_rx > n)
		return err_set(
			err, -EINVAL,
			"queues: %s receives on %u queues, %u of them would be deaf (set queues "
			"to %u, or ethtool -L)",
			device, n_rx, n_rx - n, n_rx);
	return 0;
}
