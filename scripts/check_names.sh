#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Names, sizes and places. Silent when all is well, otherwise file:line and the rule.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

max_file=700
max_function=60

# A name says where to look, so no two folders have a file of the same name. Each program has its main.c.
check_unique() {
	files 'l4/*.[ch]' 'l7/*.[ch]' 'bpf/*.[ch]' 'tools/*.[ch]' | awk '
		{ stem = $0; sub(/.*\//, "", stem); sub(/\.[ch]$/, "", stem)
		  dir = $0; sub(/[^\/]*$/, "", dir) }
		stem == "main" { next }
		stem in seen && seen[stem] != dir { print $0 ":1: there is a " stem " in " seen[stem] " already; names are unique" }
		{ seen[stem] = dir }'
}

# ctags FORMAT OPTIONS...: one line per function of the C files named on stdin.
tags() {
	command ctags --languages=C --langmap=C:.c.h --kinds-C=f --fields=+ne -x --_xformat="$1" -D 'NODISCARD=' -D 'MUST_INLINE=inline' \
		-D 'BPF_PROG(name, ...)=name(void)' \
		"${@:2}" -L - 2>/dev/null
}

# What a file exports begins with its name: be.h has be16_to, flow.c has flow_find. Static functions of
# a header are its interface, those of a .c are its own business. cc.h lends words to the language, and
# a MAC address is an address. conf_edit.c without a header of its own is a part of what conf.h declares.
check_prefix() {
	{
		files 'l4/*.c' 'l7/*.c' 'bpf/*.c' 'tools/*.c' | tags '%N %n %F' --extras=-F
		files 'l4/*.h' 'l7/*.h' 'bpf/*.h' 'tools/*.h' | tags '%N %n %F'
	} | awk -v list="$(files '*.h' | tr '\n' ' ')" '
		BEGIN { n = split(list, names, " "); for (i = 1; i <= n; i++) headers[names[i]] }
		{ dir = stem = $3; sub(/[^\/]*$/, "", dir); sub(/.*\//, "", stem); sub(/(\.bpf)?\.[ch]$/, "", stem)
		  head = stem
		  while (/\.c$/ && !((dir head ".h") in headers) && sub(/_[^_]*$/, "", head)) ;
		  if ((dir head ".h") in headers) stem = head }
		stem == "cc" || stem == "addr" && /^mac_/ { next }
		$1 == "main" || $1 ~ "^" stem "[0-9]*(_|$)" { next }
		{ print $3 ":" $2 ": " $1 "() is exported, so its name begins with " stem "_" }'
}

check_sizes() {
	files '*.c' '*.h' '*.sh' '*.py' | xargs -r awk -v max=$max_file '
		FNR == max + 1 { print FILENAME ":" FNR ": a file has at most " max " lines" }'
	files '*.c' '*.h' | tags '%N %n %{end} %F' | awk -v max=$max_function '
		$3 - $2 > max { print $4 ":" $2 ": " $1 "() has " $3 - $2 " lines; at most " max }'
}

check_top() {
	files '*' | cut -d/ -f1 | sort -u |
		grep -vxE 'Makefile|README\.md|CONTRIBUTING\.md|LICENSE|l4|l7|bpf|tools|conf|tests|scripts|\..*' |
		sed 's/$/:1: not in the layout of the top folder/' || true
}

# A clone works anywhere: no path of this machine, no host that packages come from here.
registry_hosts() {
	apt-cache policy 2>/dev/null | sed -nE 's,.*https?://([^/@ ]*@)?([^/: ]+).*,\2,p' | sort -u || true
}

check_portable() {
	local host
	files '*' | xargs -r -d '\n' grep -nIE '(^|[^[:alnum:]_./-])/wor[k]/' |
		sed -E 's/^([^:]*:[0-9]+):.*/\1: a path of one machine/' || true
	files '*' | xargs -r -d '\n' grep -nIE '(index-ur[l]|GOPROX[Y]|registr[y]) *[=:] *"?https?:' |
		sed -E 's/^([^:]*:[0-9]+):.*/\1: the address of a package registry/' || true
	while IFS= read -r host; do
		files '*' | xargs -r -d '\n' grep -nIF -e "$host" | sed -E 's/^([^:]*:[0-9]+):.*/\1: the name of a package registry/' || true
	done < <(registry_hosts)
}

check_spdx() {
	files '*.c' '*.h' '*.sh' '*.py' | while IFS= read -r path; do
		head -n 3 "$path" | grep -q 'SPDX-License-Identifier: ' || echo "$path:1: the first lines name the licence (SPDX)"
	done
}

verdicts=$(check_unique; check_prefix; check_sizes; check_top; check_portable; check_spdx)
[ -z "$verdicts" ] || { echo "$verdicts"; exit 1; }
