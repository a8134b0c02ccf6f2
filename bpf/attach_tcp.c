// SPDX-License-Identifier: BSD-3-Clause
// The TCP programs, from outside. Their links live as long as this process: a daemon that is killed leaves none
// behind, and its successor counts on in the same maps.
#include "bpf/attach.h"

#include "bpf/attach_table.h"
#include "bpf/tcp.skel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 // include/uapi/asm-generic/socket.h, Linux 5.14
#endif

static const char btf_file[] = "/sys/kernel/btf/vmlinux";

static_assert(sizeof(struct attach_tcp_entry) ==
                      sizeof(struct tcp_endpoint) + sizeof(struct tcp_target),
              "a key and its value, without a hole");

// 0 on kernels that have none: the programs then count in all namespaces.
static uint64_t netns_cookie(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (fd < 0)
		return 0;
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) < 0)
		cookie = 0;
	close(fd);
	return cookie;
}

// Has the program's map be the one of the counter store in `dir`.
static int use_pinned(struct bpf_map *map, const char *dir)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s/%s", dir, bpf_map__name(map));
	int fd, rc;

	if (len < 0 || (size_t)len >= sizeof(path))
		return -ENAMETOOLONG;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	rc = bpf_map__reuse_fd(map, fd);
	close(fd); // libbpf has its own
	return rc;
}

static int load(struct tcp_bpf *skel, const char *dir)
{
	int rc = use_pinned(skel->maps.tcp_services, dir);

	skel->rodata->tcp_netns = netns_cookie();
	if (!rc)
		rc = use_pinned(skel->maps.tcp_backends, dir);
	if (!rc)
		rc = tcp_bpf__load(skel);
	return rc ? rc : tcp_bpf__attach(skel);
}

static int explain(int rc, struct err *err)
{
	if (rc == -EPERM || rc == -EACCES)
		return err_set(err, -EPERM,
		               "not permitted to load the TCP programs: CAP_BPF and CAP_PERFMON");
	if (access(btf_file, R_OK) < 0)
		return err_set(err, -EOPNOTSUPP, "the TCP programs need %s: %s", btf_file,
		               strerror(errno));
	return err_set(err, rc, "this kernel does not take the TCP programs: %s", strerror(-rc));
}

struct attach_tcp {
	struct tcp_bpf *skel;
};

int attach_tcp_open(struct attach_tcp **out, const char *dir, struct err *err)
{
	// What fails here is said in our words; libbpf's own would come on top of them.
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	struct attach_tcp *t = calloc(1, sizeof(*t));
	int rc = -ENOMEM;

	if (!t)
		goto err_print;
	t->skel = tcp_bpf__open();
	rc = t->skel ? load(t->skel, dir) : -errno;
	if (rc)
		goto err_free;
	libbpf_set_print(print);
	*out = t;
	return 0;
err_free:
	attach_tcp_close(t);
err_print:
	libbpf_set_print(print);
	return explain(rc, err);
}

int attach_tcp_update(const struct attach_tcp *t, const struct attach_tcp_entry *entries, size_t n,
                      struct err *err)
{
	struct attach_table table = {
		.entries = entries,
		.n = n,
		.key_size = sizeof(entries->key),
		.value_size = sizeof(entries->target),
		.max_entries = TCP_MAX_ENDPOINTS,
	};
	int rc = attach_table_sync(bpf_map__fd(t->skel->maps.tcp_endpoints), &table);

	return rc ? err_set(err, rc, "TCP programs: cannot update their endpoints: %s",
	                    strerror(-rc))
	          : 0;
}

void attach_tcp_close(struct attach_tcp *t)
{
	if (!t)
		return;
	tcp_bpf__destroy(t->skel);
	free(t);
}
