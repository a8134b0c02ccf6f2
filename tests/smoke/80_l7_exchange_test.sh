#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Exchanges byte by byte: a scripted client and a scripted backend with lb7d between them, so that each can do what no
# well-behaved program does: close at the wrong moment, answer too early, say two things at once.
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh

PYTHONDONTWRITEBYTECODE=1 python3 tests/smoke/l7_exchange.py "$BIN/lb7d" "$TMP"
