// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "l4/base/file.h"

enum { SIZE = 1 << 20 }; // many times what a pipe holds

static void *read_all(void *fd)
{
	char *got = malloc(SIZE);
	size_t n = 0;
	ssize_t rc;

	while (n < SIZE && (rc = read(*(int *)fd, got + n, SIZE - n)) > 0)
		n += (size_t)rc;
	cr_expect_eq(n, SIZE);
	return got;
}

Test(file, write_gives_all_of_it_to_a_slow_reader)
{
	char *bytes = malloc(SIZE);
	void *got;
	pthread_t reader;
	int fds[2];

	for (size_t i = 0; i < SIZE; i++)
		bytes[i] = (char)(i * 7 >> 3);
	cr_assert_eq(pipe(fds), 0);
	cr_assert_eq(pthread_create(&reader, NULL, read_all, &fds[0]), 0);
	cr_expect_eq(file_write(fds[1], bytes, SIZE), 0);
	pthread_join(reader, &got);
	cr_expect(memcmp(got, bytes, SIZE) == 0);
	free(got);
	free(bytes);
}

Test(file, write_says_why_not)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	cr_assert_geq(full, 0);
	cr_expect_eq(file_write(full, "x", 1), -ENOSPC);
	cr_expect_eq(file_write(full, "", 0), 0);
	close(full);
	cr_expect_eq(file_write(full, "x", 1), -EBADF);
}
