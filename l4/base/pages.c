// SPDX-License-Identifier: BSD-3-Clause
#include "l4/base/pages.h"

#include <string.h>
#include <sys/mman.h>

void *pages_new(size_t size)
{
	// cppcheck-suppress invalidFunctionArg ; -1 is right for anonymous memory (mmap(2))
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	(void)madvise(memory, size, MADV_HUGEPAGE); // advice
	memset(memory, 0, size);
	return memory;
}

void pages_free(void *memory, size_t size)
{
	if (memory)
		munmap(memory, size);
}
