// SPDX-License-Identifier: BSD-3-Clause
// Expressions as tcpdump takes them ("host 198.51.100.7 and tcp port 443", pcap-filter(7)) to programs for lb4d. The
// only door to libpcap in lbctl.
#pragma once

#include "l4/base/err.h"

// *out = "N,code jt jf k,..." (l4/data/capture_filter.h) for Ethernet frames; free() it. 0, or -EINVAL with libpcap's
// sentence, or -ENOMEM.
NODISCARD int lbctl_filter_compile(char **out, const char *expression, struct err *err);
