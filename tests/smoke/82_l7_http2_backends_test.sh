#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# HTTP/2 towards backends, frame by frame: scripted backends that refuse, say GOAWAY, are slow with windows and SETTINGS, break and fall
# silent, and what becomes of the requests, of clients of HTTP/1.1 and of HTTP/2; WebSockets between the two.
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh

export PYTHONDONTWRITEBYTECODE=1
/usr/bin/python3 tests/smoke/l7_http2_backends.py "$BIN/lb7d" "$TMP"
/usr/bin/python3 tests/smoke/l7_http2_calls.py "$BIN/lb7d" "$TMP"
