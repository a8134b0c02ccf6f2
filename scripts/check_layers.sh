#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Who may include what. Includes are written from the root and point down only; each library has its
# doors. Silent when all is well, otherwise file:line and the rule. Whoever needs a new door opens it here.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

# The first row whose pattern matches the file counts. A room in the second column allows the files
# directly in that folder. Libraries are the names of library_of() below; libc and kernel need no door.
rules() {
	cat <<'TABLE'
# files                    | rooms and headers of ours                        | libraries
l4/base/*                  | l4/base                                          |
l4/model/conf_json.c       | l4/base l4/model                                 | jansson
l4/model/ctl.[ch]          | l4/base l4/model                                 | jansson
l4/model/*                 | l4/base l4/model                                 |
l4/data/quic_lb.c          | l4/base l4/model l4/data                         | openssl
l4/data/*                  | l4/base l4/model l4/data                         |
l4/dpdk/*                  | l4/base l4/model l4/data l4/dpdk                 | dpdk
l4/ctrl/*                  | l4/base l4/model l4/data l4/dpdk l4/ctrl bpf/attach.h | libev libmnl
l4/main.c                  | l4/base l4/model l4/data l4/dpdk l4/ctrl bpf/attach.h bpf/tcp_programs.h | libev libcap-ng libseccomp
l7/tls*                    | l4/base l4/model l7                              | openssl
l7/capabilities.[ch]       | l4/base l4/model l7                              | libcap-ng
l7/http2*                  | l4/base l4/model l7                              | nghttp2
l7/main.c                  | l4/base l4/model l7 bpf/tcp_programs.h           |
l7/telemetry_store.c       | l4/base l4/model l7 bpf/attach.h                 |
l7/*                       | l4/base l4/model l7                              |
bpf/attach*.c              | l4/base l4/model/stats_layout.h bpf              | libbpf
bpf/attach.h               | l4/base l4/model/stats_layout.h bpf              |
bpf/*.bpf.c                | l4/model/stats_layout.h bpf                      | libbpf
bpf/tcp_programs.[ch]         | l4/base l4/model bpf                             |
bpf/*.h                    | l4/model/counters.h bpf                          |
tools/lbreplay.c           | l4/base l4/model l4/data tools                   | libpcap
tools/lbctl_filter.c       | l4/base tools                                    | libpcap
tools/replay.[ch]          | l4/base l4/model l4/data tools                   |
tools/lbctl_check.c        | l4/base l4/model l7/tls_check.h l7/capabilities.h tools |
tools/lbtop_screen.c       | l4/base l4/model tools                           | ncurses
tools/*                    | l4/base l4/model l4/data/quic_lb.h tools         | jansson libsmartcols
tests/support/tls*         | l4/base l4/model l7 tests/support                 | openssl
tests/support/http1check.[ch] | l4/base l7 tests/support                       |
tests/support/eventcheck.[ch] | l4/base tests/support                          |
tests/support/jsoncheck.[ch] | l4/base l7/json_scan.h tests/support            | jansson
tests/support/*            | l4/base l4/model l4/data tests/support           |
tests/unit/l4/base/*       | l4/base tests/support                            | criterion
tests/unit/l4/model/*      | l4/base l4/model tests/support tests/unit/l4/model | criterion jansson
tests/unit/l4/data/*       | l4/base l4/model l4/data tests/support tests/unit/l4/data | criterion openssl
tests/unit/l4/ctrl/*       | l4/base l4/model l4/data l4/ctrl tests/support   | criterion jansson libev
tests/unit/l7/test_tls*    | l4/base l4/model l7 tests/support tests/unit/l7  | criterion openssl
tests/unit/l7/test_access* | l4/base l4/model l7 tests/support tests/unit/l7  | criterion jansson
tests/unit/l7/test_json_scan.c | l4/base l7/json_scan.h tests/support            | criterion jansson
tests/unit/l7/*            | l4/base l4/model l7 tests/support tests/unit/l7  | criterion
tests/unit/tools/test_lbctl_filter.c | l4/base l4/model l4/data tools tests/support | criterion libpcap
tests/unit/tools/*         | l4/base l4/model l4/data tools tests/support tests/unit/tools | criterion jansson
tests/bench/bench_route.c  | l4/base l4/model l7                              |
tests/smoke/quic/*         | l4/base l4/model l4/data tests/smoke/quic        | ngtcp2 gnutls
tests/smoke/st*            | l4/base l4/model bpf/attach.h tests/support tests/smoke | libbpf
tests/smoke/tcp_run.c      | l4/base l4/model bpf/attach.h                    |
tests/smoke/*              | l4/base l4/model l4/data l4/ctrl                 | libev
tests/fuzz/fuzz_lbtop*      | l4/base l4/model tools                           |
tests/fuzz/*               | l4/base l4/model l4/data l7 tests/support        |
tests/bench/telemetry/stream_count_off.c | l7                            |
tests/bench/telemetry/*    | l4/base l4/data tests/support                    |
tests/bench/l7/*           | l4/base tests/bench/l7                           | openssl
tests/bench/bench_heads.c  | l4/base l4/model l7                              | jansson
tests/bench/bench_event.c  | l4/base l4/model l7                              | jansson
tests/bench/bench_tls.c    | l4/base l4/model l7 tests/support                 | openssl
tests/bench/bench_http1.c  | l4/base l7                                       | http_parser
tests/bench/*              | l4/base l4/model l4/data tests/support           | openssl
TABLE
}

# library_of HEADER: the library that <HEADER> belongs to; nothing for libc, the compiler and the kernel.
library_of() {
	case $1 in
	jansson.h) echo jansson ;;
	openssl/*) echo openssl ;;
	rte_*) echo dpdk ;;
	ev.h) echo libev ;;
	libmnl/*) echo libmnl ;;
	ncurses.h | term.h) echo ncurses ;;
	bpf/* | xdp/*) echo libbpf ;;
	pcap.h | pcap/*) echo libpcap ;;
	libsmartcols.h | libsmartcols/*) echo libsmartcols ;;
	cap-ng.h) echo libcap-ng ;;
	seccomp.h) echo libseccomp ;;
	nghttp2/*) echo nghttp2 ;;
	http_parser.h) echo http_parser ;;
	criterion/*) echo criterion ;;
	ngtcp2/* | nghttp3/*) echo ngtcp2 ;;
	gnutls/*) echo gnutls ;;
	linux/* | asm/* | sys/* | arpa/* | net/* | netinet/* | *intrin.h) ;;
	std*.h | assert.h | ctype.h | dirent.h | elf.h | endian.h | errno.h | fcntl.h | getopt.h | glob.h | grp.h | ifaddrs.h) ;;
	inttypes.h | langinfo.h | regex.h | limits.h | locale.h | math.h | netdb.h | poll.h | pthread.h | pwd.h | sched.h | setjmp.h | signal.h) ;;
	spawn.h | string.h | strings.h | syslog.h | termios.h | time.h | ucontext.h | unistd.h | wait.h | cpuid.h | byteswap.h) ;;
	execinfo.h | float.h | fnmatch.h | libgen.h | malloc.h | search.h | semaphore.h | threads.h | utmpx.h | wchar.h) ;;
	*) echo "an unknown library" ;;
	esac
}

# has LIST WORD
has() { [[ " $1 " == *" $2 "* ]]; }

# judge FILE LINE INCLUDE ROOMS LIBRARIES: INCLUDE with its quotes or brackets.
judge() {
	local header=${3:1:-1} library
	case $3 in
	'"'*)
		if [ ! -f "$header" ] && [[ $header != bpf/*.skel.h ]]; then
			echo "$1:$2: \"$header\": no such file from the root; libraries are written in <>"
		elif ! has "$4" "${header%/*}" && ! has "$4" "$header"; then
			echo "$1:$2: \"$header\": this file may include $4 only"
		fi
		;;
	*)
		library=$(library_of "$header")
		if [ -n "$library" ] && ! has "$5" "$library"; then
			echo "$1:$2: <$header>: $library has no door here (scripts/check_layers.sh)"
		fi
		;;
	esac
}

check_file() {
	local pattern rooms libraries line include
	while IFS='|' read -r pattern rooms libraries; do
		# shellcheck disable=SC2053 # the right side is a pattern
		[[ $pattern != '#'* && $1 == ${pattern%% *} ]] || continue
		read -r rooms <<<"$rooms"
		while IFS=: read -r line include; do
			judge "$1" "$line" "$include" "$rooms" "$libraries"
		done < <(sed -nE '/^[ \t]*#[ \t]*include/{=;s/^[ \t]*#[ \t]*include[ \t]*(["<][^">]*[">]).*/\1/p}' "$1" | paste -d: - -)
		return
	done < <(rules)
	echo "$1:1: no rule says what a file here may include (scripts/check_layers.sh)"
}

verdicts=$(files '*.c' '*.h' | grep -v '^scripts/' | while IFS= read -r path; do check_file "$path"; done)
[ -z "$verdicts" ] || { echo "$verdicts"; exit 1; }
