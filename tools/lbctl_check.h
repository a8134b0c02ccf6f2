// SPDX-License-Identifier: BSD-3-Clause
// `lbctl check`: a configuration, and the files that it names, judged without a daemon.
#pragma once

#include <stdbool.h>

// One line on stdout if it is right; else, on stderr, the first mistake of the configuration, or every one of its files. What is
// right but should not stay is advice on stderr. `no_files`: certificates, keys and authorities are not opened. Gives up
// what powers lb7d gives up. LBCTL_DONE or LBCTL_NO.
int lbctl_check(char *file, bool no_files);
