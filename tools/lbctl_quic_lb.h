// SPDX-License-Identifier: BSD-3-Clause
// lbctl quic-lb: connection IDs taken apart and made, without a daemon (l4/data/quic_lb.h has the layout).
#pragma once

#include "l4/model/ctl_field.h"
#include "tools/lbctl_command.h"

enum {
	LBCTL_QUIC_LB_CID_MAX = 255, // bytes: any version's (RFC 8999, section 5.1)
	LBCTL_QUIC_LB_HEX_SIZE = 2 * LBCTL_QUIC_LB_CID_MAX + 1,
};

// Texts are hex without prefix; those that are empty are not shown.
struct lbctl_quic_lb {
	uint32_t config_id;
	char mode[16]; // "plaintext", "single_pass", "four_pass"
	char server_id[LBCTL_QUIC_LB_HEX_SIZE];
	char nonce[LBCTL_QUIC_LB_HEX_SIZE];
	char extra[LBCTL_QUIC_LB_HEX_SIZE]; // what the server appended
	bool self_described;                // the first octet gives the length
	char cid[LBCTL_QUIC_LB_HEX_SIZE];   // encode
	char pool[CONF_NAME_MAX + 1];       // with --conf, this and what follows
	char backend[CONF_NAME_MAX + 1];
	char state[16];
};

extern const struct ctl_type lbctl_quic_lb_type;

// Does the command, `decode` or `encode`. Returns an enum lbctl_exit: LBCTL_DONE; LBCTL_NO or
// LBCTL_WRONG_USAGE with the reason in *err. *is_answered: *out is worth printing, which may be the case with
// LBCTL_NO as well (a server ID that no backend has).
NODISCARD int lbctl_quic_lb_run(struct lbctl_quic_lb *out, bool *is_answered,
                                const struct lbctl_command *c, const struct lbctl_options *opts,
                                struct lbctl_operands_left *left, struct err *err);
