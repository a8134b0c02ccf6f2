#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# run_bench.sh BENCHMARK...: says on what machine and under which conditions, then runs one after the other. Lines that
# begin with # are for people; each result is one line `bench NAME ours=X yardstick=Y ratio=R`, in nanoseconds if
# the benchmark does not say otherwise.
set -euo pipefail
cd "$(dirname "$0")/.."

# of FILE KEY: the first value of a line `KEY : VALUE`.
of() { sed -n "s/^$2[[:space:]]*:[[:space:]]*//p" "$1" | head -n 1; }

cache() { cat "/sys/devices/system/cpu/cpu0/cache/index$1/size" 2>/dev/null || echo unknown; }

heading() {
	local virt
	virt=$(systemd-detect-virt 2>/dev/null || true)
	echo "# machine: $(of /proc/cpuinfo 'model name'), $(nproc) CPUs, L2 $(cache 2), L3 $(cache 3), $(($(of /proc/meminfo MemTotal | tr -dc 0-9) >> 20)) GiB, virtualization: ${virt:-none}"
	echo "# kernel: $(uname -sr), $(of /proc/meminfo HugePages_Total) huge pages of $(of /proc/meminfo Hugepagesize), governor: $(cat /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor 2>/dev/null || echo none)"
	echo "# build: ${O:-build}, $(cut -d ' ' -f 1 <"${O:-build}/flags") $(grep -oE -- '-(O[0-9s]|march=[^ ]+)' "${O:-build}/flags" | paste -s -d ' '), DPDK $(pkg-config --modversion libdpdk 2>/dev/null || echo none)"
	echo "# load before the start: $(cut -d ' ' -f 1 /proc/loadavg) (an idle machine says less than 0.1)"
}

heading
for bench in "$@"; do
	echo "# --- ${bench##*/}"
	"$bench"
done
