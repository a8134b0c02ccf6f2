// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbctl_capture_file.h"

#include <stdio.h>
#include <string.h>

#include "tools/lbctl_packet.h"

void lbctl_capture_file_head(struct pcapng *out, const struct lbctl_capture_options *opts,
                             const struct ctl_capture *answer)
{
	const struct ctl_port *ports = answer->ports.row;
	char text[2 * CTL_NAME_SIZE];

	snprintf(text, sizeof(text), "lb47: packets of %s",
	         opts->service ? opts->service : "all services");
	pcapng_section(out, "lbctl " LB47_VERSION, text);
	for (uint32_t i = 0; i < answer->ports.n; i++) {
		struct pcapng_interface port = {
			.name = ports[i].name,
			.description = text,
			.filter = opts->filter,
			.snap = opts->snap ? opts->snap : CAPTURE_SNAP_MAX,
		};

		snprintf(text, sizeof(text), "lb47 port %s, %s", ports[i].name,
		         ports[i].driver < DRIVER_COUNT ? conf_driver_names[ports[i].driver] : "?");
		memcpy(port.mac, ports[i].mac.byte, sizeof(port.mac));
		pcapng_interface(out, &port);
	}
}

void lbctl_capture_file_packet(struct pcapng *out, const struct capture_record *r, uint64_t time_ns,
                               uint64_t number, uint64_t missed)
{
	char comment[LBCTL_PACKET_TEXT];
	struct pcapng_packet p = {
		.interface = r->port,
		.time_ns = time_ns,
		.byte = r->bytes,
		.captured = r->captured,
		.len = r->len,
		.direction = PCAPNG_INBOUND,
		.id = number,
		.missed = missed,
		.comment = comment,
	};

	lbctl_packet_comment(r, false, comment);
	pcapng_packet(out, &p);
	if (!r->sent_captured)
		return;
	lbctl_packet_comment(r, true, comment);
	p.interface = r->out_port;
	p.byte = capture_ring_sent(r);
	p.captured = r->sent_captured;
	p.len = r->sent_len;
	p.direction = PCAPNG_OUTBOUND;
	p.missed = 0;
	pcapng_packet(out, &p);
}
