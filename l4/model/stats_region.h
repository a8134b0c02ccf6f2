// SPDX-License-Identifier: BSD-3-Clause
// One region of the counter store (stats.h, stats_l7.h): opened by its name in one of the two homes, checked for its shape,
// mapped. Both homes of a store are folders: of pinned BPF maps, or of files under /dev/shm.
#pragma once

#include "l4/base/err.h"
#include "l4/model/stats_layout.h"

struct stats_region_mode {
	bool is_bpf;
	bool is_writable; // a daemon
};

// Opens region `name` of the folder `home`. The fd, or -errno: -ENOENT there is none, -EACCES.
NODISCARD int stats_region_open(const char *home, const char *name, struct stats_region_mode mode);

// Maps all of it. 0; -EPROTO if its shape is another; or what mmap(2) said.
NODISCARD int stats_region_map(void **out, int fd, const struct stats_shape *shape,
                               struct stats_region_mode mode);

// Memory of one's own instead, zeroed. 0 or -ENOMEM.
NODISCARD int stats_region_map_private(void **out, size_t size);

// Makes a folder under /dev/shm (of stats_shm_dir()) if it is not there and opens it. The fd, or -errno with *err; -EPERM: another
// user can write to it.
NODISCARD int stats_region_make_folder(const char *dir, struct err *err);

// Opens or makes a file of exactly this size, its blocks taken. The fd; -EPROTO: there is one of another size; -ENOSPC.
NODISCARD int stats_region_make_file(int dir_fd, const char *name, size_t size);

// What is in the way of reading maps pinned in `dir`: -ENOENT if there are none, so that files are tried.
NODISCARD int stats_region_check_bpffs(const char *dir);

// /dev/shm is everybody's: only root's files and our own may outshine pinned maps.
bool stats_region_is_trusted(const char *shm);

// What to say when neither home could be read: why not the maps, why not the files (and its sentence).
// Returns the code that counts; *err may already say why not the maps.
int stats_region_explain(int rc_bpf, int rc_shm, const char *dir, const char *said_shm,
                         struct err *err);
