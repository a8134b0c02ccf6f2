// SPDX-License-Identifier: BSD-3-Clause
// Whether the files that a configuration names for TLS are there and right, asked without serving anything: what lb7d would
// find out when it starts, by the same code. For lbctl check.
#pragma once

#include "l4/model/conf.h"
#include "l4/model/conf_advice.h"

// Opens the certificates and keys of the L7 entries that this host serves, and the authorities of pools whose backends are
// verified. Calls refused() with each mistake for which lb7d would not take the configuration ("l7[0].tls[1].key: api.key: does
// not belong to api.pem"), and advise() with each certificate that it would show and clients refuse. The sentences are
// borrowed for the call. Returns how many mistakes there are.
NODISCARD unsigned tls_check(const struct conf *conf, conf_advice_say refused,
                             conf_advice_say advise, void *data);
