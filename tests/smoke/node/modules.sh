# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# The modules of Node that smoke tests need (package.json, of the versions in package-lock.json), fetched by npm into the
# build's folder once. Source it before the network is left, i.e. before l7.sh. Skips the test if they cannot be had.
export NODE_PATH=${BIN%/bin}/node/node_modules

if ! cmp -s tests/smoke/node/package-lock.json "$NODE_PATH/../fetched"; then
	command -v npm >/dev/null || skip "no npm"
	mkdir -p "$NODE_PATH"
	cp tests/smoke/node/package*.json "$NODE_PATH/.."
	npm ci --prefix "$NODE_PATH/.." --ignore-scripts --no-audit --no-fund >"$TMP/npm" 2>&1 || skip "npm: $(tail -n 1 "$TMP/npm")"
	cp tests/smoke/node/package-lock.json "$NODE_PATH/../fetched"
fi
