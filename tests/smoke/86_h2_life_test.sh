#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# HTTP/2 connections end in two steps and lose no request; they see new configurations; who is slow holds up nobody but himself.
# shellcheck source=tests/smoke/_init.sh
. "$(dirname "$0")/_init.sh"
# shellcheck source=tests/smoke/l7.sh
. tests/smoke/l7.sh

# Sockets' buffers are not to swallow whole answers.
sysctl -qw net.ipv4.tcp_rmem='4096 131072 262144' net.ipv4.tcp_wmem='4096 16384 262144'
PYTHONDONTWRITEBYTECODE=1 $PYTHON tests/smoke/l7/h2_life.py "$BIN/lb7d" "$TMP" >"$TMP/wrong" || fail "$(cat "$TMP/wrong")"
