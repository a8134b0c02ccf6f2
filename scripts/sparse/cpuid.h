// SPDX-License-Identifier: BSD-3-Clause
// What sparse reads in place of gcc's cpuid.h, whose zero pointers it objects to. See immintrin.h.
#pragma once

int __get_cpuid_count(unsigned int, unsigned int, unsigned int *, unsigned int *, unsigned int *,
                      unsigned int *);
