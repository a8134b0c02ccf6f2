// SPDX-License-Identifier: BSD-3-Clause
// QUIC-LB decoding with VAES, which does two AES blocks in an instruction of the same cost: sixteen
// CIDs interleaved (quic_lb_kernel.h). Zen 3, Ice Lake and later. Private to quic_lb.c.
#pragma once

#include "l4/data/quic_lb.h"

// Whether this processor and its kernel support the instructions. If so, then AES-NI as well.
bool quic_lb_vaes_usable(void);

// As quic_lb_decode_burst(), with the keys of quic_lb_aesni_set_key(). Call only where usable.
void quic_lb_vaes_decode(const struct quic_lb_config *c, const uint8_t *const *cids, size_t n,
                         struct quic_lb_sid *sids);
