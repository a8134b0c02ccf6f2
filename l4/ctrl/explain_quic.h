// SPDX-License-Identifier: BSD-3-Clause
// A QUIC packet to try the lanes on: right as far as a load balancer can see, that is the invariants (RFC 8999)
// and the parts of version 1's long headers that give lengths; zeros where the encrypted part would be.
#pragma once

#include "l4/model/ctl_rows.h"

enum {
	EXPLAIN_QUIC_LONG = 1200, // bytes: an Initial has at least as many (RFC 9000, section 14.1)
	EXPLAIN_QUIC_SHORT = 64,  // an acknowledgement and little data
	EXPLAIN_QUIC_MAX = EXPLAIN_QUIC_LONG,
};

// Whether the parameters fit together: 0, or -EINVAL and a sentence.
NODISCARD int explain_quic_check(const struct ctl_explain_params *params, struct err *err);

// Writes the packet that the parameters ask for to out[EXPLAIN_QUIC_MAX], a UDP payload; returns its bytes.
size_t explain_quic_put(uint8_t *out, const struct ctl_explain_params *params);
