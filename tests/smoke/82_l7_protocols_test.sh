#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The same exchange between clients of HTTP/1.0, HTTP/1.1 and HTTP/2 and scripted backends of HTTP/1.1 and HTTP/2: answers without content,
# trailers, interim answers and floods of them; and a backend that speaks HTTP/2, but wants HTTP/1.1.
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh

PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 tests/smoke/l7_protocols.py "$BIN/lb7d" "$TMP"
