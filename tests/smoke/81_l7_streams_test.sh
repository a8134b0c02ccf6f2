#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What lb7d says of event streams and WebSockets, in its log and in the counters that anybody may read, is what a scripted
# client and a scripted backend have seen of them: times, events, tokens, ends.
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh

SERVICE_RUN=$(dirname "$BIN")/tests/smoke/service_run
export SERVICE_RUN PYTHONDONTWRITEBYTECODE=1
python3 tests/smoke/l7_streams.py "$BIN/lb7d" "$TMP" "$@"
