// SPDX-License-Identifier: BSD-3-Clause
// The parts of conf_check(), in its order; each assumes that those before it found nothing.
// Inside l4/model/conf_check*.c only.
#pragma once

#include "l4/model/conf.h"

NODISCARD int conf_check_ports(const struct conf *conf, struct err *err);
NODISCARD int conf_check_pools(const struct conf *conf, struct err *err);
NODISCARD int conf_check_l7(const struct conf *conf, struct err *err);
NODISCARD int conf_check_services(const struct conf *conf, struct err *err);
NODISCARD int conf_check_addresses(const struct conf *conf, struct err *err);
NODISCARD int conf_check_sockets(const struct conf *conf, struct err *err);

// Route `k` of L7 entry `i`, for conf_check_l7().
NODISCARD int conf_check_route(const struct conf *conf, size_t i, size_t k, struct err *err);

// "IPv4" or "IPv6".
const char *conf_check_family(const struct addr *address);

// What makes the address useless for traffic, "the unspecified address" or the like; NULL if
// nothing does. Loopback is for others to judge.
const char *conf_check_fault(const struct addr *address);
