// SPDX-License-Identifier: BSD-3-Clause
// How many packets a capture has: net_pcap loads a file that is read in a loop into packet buffers, one each,
// before the first is received, so they must be planned for.
#pragma once

#include "l4/base/cc.h"

// The number of packets; for other formats than classic pcap at least that many; 0 if the file cannot be read
// (which net_pcap will say better).
uint32_t capture_count(const char *file);
