// SPDX-License-Identifier: BSD-3-Clause
// QUIC-LB decoding with AES-NI, eight CIDs interleaved (quic_lb_kernel.h), and the key schedule that
// quic_lb_vaes.h shares. Private to quic_lb.c, which decides which engine runs; see quic_lb.h.
#pragma once

#include "l4/data/quic_lb.h"

// Whether this processor has the instructions. On other architectures: no.
bool quic_lb_aesni_usable(void);

// Fills c->round_key and adds round key 0 to c->first_key, for the mode in *c, whose other fields
// are complete. Call only where usable, for configurations that have a key.
void quic_lb_aesni_set_key(struct quic_lb_config *c, const uint8_t key[16]);

// As quic_lb_decode_burst(). Call only where usable.
void quic_lb_aesni_decode(const struct quic_lb_config *c, const uint8_t *const *cids, size_t n,
                          struct quic_lb_sid *sids);
