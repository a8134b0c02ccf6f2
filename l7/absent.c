// SPDX-License-Identifier: BSD-3-Clause
#include "l7/absent.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "l4/base/log.h"
#include "l7/io.h"

bool absent_is(const struct addr *address)
{
	union io_address at;
	socklen_t len = io_address_set(&at, address, be16_from(0));
	// UDP: a port of the kernel's choice is bound and given back, and no listener is in the way.
	int fd = socket(at.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool is_absent;

	if (fd < 0)
		return false;
	is_absent = bind(fd, &at.sa, len) != 0 && errno == EADDRNOTAVAIL;
	close(fd);
	return is_absent;
}

void absent_warn(const struct conf *conf)
{
	char text[ADDR_TEXT_SIZE];

	for (uint16_t i = 0; i < conf->n_services; i++) {
		const struct conf_service *s = &conf->services[i];

		if (!s->l7 || s->is_remote || !absent_is(&s->address))
			continue;
		LOG_WARN("no connection gets here service=%s reason=\"%s is no address of this "
		         "host (ip addr add)\"",
		         s->name, addr_text(&s->address, text));
	}
}
