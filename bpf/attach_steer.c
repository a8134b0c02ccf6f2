// SPDX-License-Identifier: BSD-3-Clause
// The XDP program of af_xdp ports, from outside.
#include "bpf/attach.h"

#include "bpf/attach_table.h"
#include "bpf/steer.skel.h"
#include "l4/base/file.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <errno.h>
#include <limits.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char program_name[] = "steer_lb47";

enum { MAX_MAPS = 16 };

static_assert(sizeof(struct attach_entry) ==
                      sizeof(struct steer_endpoint) + sizeof(struct steer_target),
              "a key and its value, without a hole");

int attach_steer_object(char path[ATTACH_PATH_SIZE], struct err *err)
{
	size_t len;
	const char *bytes = steer_bpf__elf_bytes(&len);
	int fd = memfd_create("steer_lb47.bpf.o", MFD_CLOEXEC);
	int rc;

	if (fd < 0)
		return err_set(err, -errno, "no file for the XDP program: %s", strerror(errno));
	rc = file_write(fd, bytes, len);
	if (rc) {
		close(fd);
		return err_set(err, rc, "no memory for the XDP program: %s", strerror(-rc));
	}
	snprintf(path, ATTACH_PATH_SIZE, "/proc/self/fd/%d", fd);
	return fd;
}

static const char *if_name(unsigned if_index, char out[IF_NAMESIZE])
{
	if (!if_indextoname(if_index, out))
		snprintf(out, IF_NAMESIZE, "#%u", if_index);
	return out;
}

static int refuse(struct err *err, int rc, unsigned if_index, const char *what)
{
	char name[IF_NAMESIZE];

	return err_set(err, rc, "%s: %s: %s", if_name(if_index, name), what, strerror(-rc));
}

// The program on the interface: its fd and *info, or -ENOENT if there is none.
static int open_program(unsigned if_index, const struct bpf_xdp_query_opts *query,
                        struct bpf_prog_info *info, struct err *err)
{
	uint32_t len = sizeof(*info);
	int fd, rc;

	if (!query->prog_id)
		return refuse(err, -ENOENT, if_index, "no XDP program");
	fd = bpf_prog_get_fd_by_id(query->prog_id);
	if (fd < 0)
		return refuse(err, -errno, if_index, "cannot open its XDP program");
	rc = bpf_obj_get_info_by_fd(fd, info, &len);
	if (rc) {
		close(fd);
		return refuse(err, rc, if_index, "cannot ask for its XDP program");
	}
	return fd;
}

static bool is_ours(const struct bpf_prog_info *info)
{
	return strncmp(info->name, program_name, sizeof(info->name)) == 0;
}

// Keeps the map if it is one of ours, closes it otherwise.
static void take_map(struct attach_steer *s, int fd)
{
	const struct {
		const char *name; // at most 15 bytes in the kernel
		int *fd;
	} wanted[] = {
		{"steer_endpoints", &s->endpoints_fd},
		{"steer_config", &s->config_fd},
		{"steer_counters", &s->counters_fd},
		{"steer_store", &s->store_fd},
	};
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);

	for (size_t i = 0; i < ARRAY_LEN(wanted) && bpf_obj_get_info_by_fd(fd, &info, &len) == 0;
	     i++) {
		if (*wanted[i].fd >= 0 || strcmp(info.name, wanted[i].name) != 0)
			continue;
		*wanted[i].fd = fd;
		return;
	}
	close(fd);
}

static int take_maps(struct attach_steer *s, const uint32_t *ids, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		int fd = bpf_map_get_fd_by_id(ids[i]);

		if (fd < 0)
			return -errno;
		take_map(s, fd);
	}
	return s->endpoints_fd >= 0 && s->config_fd >= 0 && s->counters_fd >= 0 && s->store_fd >= 0
	               ? 0
	               : -ENOENT;
}

int attach_steer_open(struct attach_steer *s, unsigned if_index, struct err *err)
{
	struct attach_steer new = {
		.endpoints_fd = -1, .config_fd = -1, .counters_fd = -1, .store_fd = -1};
	uint32_t ids[MAX_MAPS] = {0};
	struct bpf_prog_info info = {.map_ids = (uintptr_t)ids, .nr_map_ids = MAX_MAPS};
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	int fd, rc;

	rc = bpf_xdp_query((int)if_index, 0, &query);
	if (rc)
		return refuse(err, rc, if_index, "cannot ask for its XDP program");
	fd = open_program(if_index, &query, &info, err);
	if (fd < 0)
		return fd;
	close(fd);
	if (!is_ours(&info))
		return refuse(err, -ENOENT, if_index, "its XDP program is not ours");
	new.prog_id = info.id;
	rc = take_maps(&new, ids, info.nr_map_ids < MAX_MAPS ? info.nr_map_ids : MAX_MAPS);
	if (rc) {
		attach_steer_close(&new);
		return refuse(err, rc, if_index, "cannot open the maps of its XDP program");
	}
	*s = new;
	return 0;
}

int attach_steer_update(const struct attach_steer *s, const struct attach_entry *entries, size_t n,
                        const struct steer_config *config, struct err *err)
{
	struct attach_table table = {
		.entries = entries,
		.n = n,
		.key_size = sizeof(entries->key),
		.value_size = sizeof(entries->target),
		.max_entries = STEER_MAX_ENDPOINTS,
	};
	uint32_t zero = 0;
	int rc = bpf_map_update_elem(s->config_fd, &zero, config, BPF_ANY) ? -errno : 0;

	if (!rc)
		rc = attach_table_sync(s->endpoints_fd, &table);
	return rc ? err_set(err, rc, "XDP program: cannot update its services: %s", strerror(-rc))
	          : 0;
}

int attach_steer_store(const struct attach_steer *s, const char *dir, struct err *err)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s/steer_services", dir);
	uint32_t zero = 0;
	int fd, rc;

	if (len < 0 || (size_t)len >= sizeof(path))
		return err_set(err, -ENAMETOOLONG, "%s: the name is too long", dir);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	rc = bpf_map_update_elem(s->store_fd, &zero, &fd, BPF_ANY) ? -errno : 0;
	close(fd);
	return rc ? err_set(err, rc, "%s: the XDP program does not take it: %s", path,
	                    strerror(-rc))
	          : 0;
}

int attach_steer_count(const struct attach_steer *s, struct steer_counters *out)
{
	enum { N_WORDS = sizeof(*out) / sizeof(uint64_t) };
	uint64_t sum[N_WORDS] = {0};
	int n_cpus = libbpf_num_possible_cpus();
	uint32_t zero = 0;
	uint64_t *values;
	int rc = 0;

	if (n_cpus < 0)
		return n_cpus;
	values = calloc((size_t)n_cpus, sizeof(*out)); // per CPU, in multiples of 8 bytes
	if (!values)
		return -ENOMEM;
	if (bpf_map_lookup_elem(s->counters_fd, &zero, values))
		rc = -errno;
	for (size_t i = 0; i < (size_t)n_cpus * N_WORDS; i++)
		sum[i % N_WORDS] += values[i];
	free(values);
	if (!rc)
		memcpy(out, sum, sizeof(*out));
	return rc;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void attach_steer_close(struct attach_steer *s)
{
	close_fd(&s->endpoints_fd);
	close_fd(&s->config_fd);
	close_fd(&s->counters_fd);
	close_fd(&s->store_fd);
}

// The mode that a program was attached in must be named to detach it.
static uint32_t mode_flags(uint8_t attach_mode)
{
	if (attach_mode == XDP_ATTACHED_DRV)
		return XDP_FLAGS_DRV_MODE;
	if (attach_mode == XDP_ATTACHED_SKB)
		return XDP_FLAGS_SKB_MODE;
	return attach_mode == XDP_ATTACHED_HW ? XDP_FLAGS_HW_MODE : 0;
}

int attach_steer_detach(unsigned if_index, struct err *err)
{
	struct bpf_prog_info info = {0};
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	LIBBPF_OPTS(bpf_xdp_attach_opts, detach);
	int fd, rc;

	rc = bpf_xdp_query((int)if_index, 0, &query);
	if (rc)
		return refuse(err, rc, if_index, "cannot ask for its XDP program");
	if (!query.prog_id)
		return 0;
	fd = open_program(if_index, &query, &info, err);
	if (fd < 0)
		return fd;
	if (is_ours(&info)) {
		detach.old_prog_fd = fd; // nobody else's that came in between
		rc = bpf_xdp_detach((int)if_index, mode_flags(query.attach_mode), &detach);
	} else {
		rc = -EBUSY;
	}
	close(fd);
	return rc ? refuse(err, rc, if_index,
	                   rc == -EBUSY ? "another XDP program is on it"
	                                : "cannot take off its XDP program")
	          : 0;
}
