// SPDX-License-Identifier: BSD-3-Clause
// A file in PEM that a configuration names, opened for OpenSSL to read; for l7/tls*.c only.
#pragma once

#include "l4/base/err.h"
#include "l4/model/conf.h"

#include <openssl/bio.h>

// `file` as seen from the configuration's folder, through links, into *out; BIO_free() it. It never waits: a pipe or a device is
// refused, as is a folder. 0, -ENOMEM, -EINVAL or what open(2) said, with "FILE: not a regular file" in *err.
NODISCARD int tls_file_open(BIO **out, const struct conf *conf, const char *file, struct err *err);
