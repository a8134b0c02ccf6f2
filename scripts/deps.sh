#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Installs the Debian 12 packages that lb47 needs and that are missing. Silent when none is.
set -euo pipefail

# One package a line, then the reason.
packages() {
	sed -e 's/#.*//' <<'LIST'
# --- build ---
gcc                           # the compiler of the release build
make                          # the build
git                           # lists the files for lint and format
pkg-config                    # finds DPDK's flags
clang                         # BPF programs; the second compiler; fuzzers
llvm                          # names in sanitizer reports, llvm-objdump for BPF
bpftool                       # BPF skeletons
libdpdk-dev                   # NICs, rings, mempools
libbpf-dev                    # XDP, socket programs, shared maps
libxdp-dev                    # AF_XDP sockets for DPDK's driver
libssl-dev                    # AES for QUIC-LB; later TLS
libnghttp2-dev                # HTTP/2 framing, HPACK
libjansson-dev                # JSON with line and column
libev-dev                     # the control loop
libmnl-dev                    # rtnetlink: neighbours and routes
libsmartcols-dev              # tables on a terminal
libncurses-dev                # lbtop's screen
libcap-ng-dev                 # giving up capabilities
libseccomp-dev                # giving up system calls
libpcap-dev                   # captures in lbreplay, filters in lbctl
libelf-dev                    # libbpf reads objects with it
zlib1g-dev                    # ditto
# --- run ---
dpdk-dev                      # dpdk-devbind; testpmd, the benchmark's yardstick
iproute2                      # namespaces, veth, routes of the demo
ethtool                       # offloads of the demo's veth pairs
procps                        # sysctl, pgrep
# --- test ---
clang-format                  # lint: format
clang-tidy                    # lint: function size, bugprone
cppcheck                      # lint: what compilers let pass
sparse                        # lint: byte order
shellcheck                    # lint: scripts
universal-ctags               # lint: names and lengths of functions
libclang-rt-14-dev            # sanitizers and libFuzzer for clang
libcriterion-dev              # unit tests
python3                       # the pcap runner
tcpdump                       # an oracle that we did not write
tshark                        # ditto, of what lbctl captures
nginx-light                   # backends; the L7 benchmarks' yardstick
haproxy                       # the L7 benchmarks' other yardstick
caddy                         # backends that speak HTTP/3
curl                          # client
wrk                           # client under load
iputils-ping                  # pings service addresses
tmux                          # a terminal for lbtop whose screen can be read
prometheus                    # judges /metrics and rules, and scrapes them
jq                            # reads lbctl -o json
mandoc                        # lint of manual pages
ngtcp2-client                 # QUIC client
ngtcp2-server                 # QUIC server
libngtcp2-dev                 # QUIC peers with connection ids of our making
libngtcp2-crypto-gnutls-dev   # ditto
libgnutls28-dev               # ditto
libnghttp3-dev                # ditto: they speak HTTP/3
libhttp-parser-dev            # the benchmark's yardstick for HTTP/1: what Node.js ran on
nftables                      # a NAT that rebinds
openssl                       # certificates for tests
nodejs                        # HTTP, WebSocket and event streams by Node
npm                           # its libraries for WebSockets and gRPC, ws and @grpc/grpc-js
python3-websockets            # WebSockets by Python
python3-h2                    # HTTP/2 backends that do what no server does
python3-grpcio                # gRPC by Python
slowhttptest                  # slow clients
nghttp2-client                # HTTP/2 clients: nghttp, h2load
nghttp2-server                # HTTP/2 server: an origin of the benchmarks
python3-hpack                 # decodes HTTP/2 heads in tests that send frames of their own
chromium                      # a browser
LIST
}

# Node from elsewhere brings npm, and does not stand beside Debian's.
provided=$(dpkg-query -W -f '${db:Status-Status} ${Provides}\n' | sed -n 's/^installed //p' | tr ',' '\n' | sed 's/ (.*//; s/^ *//')

missing=()
for package in $(packages); do
	! grep -qFx "$package" <<<"$provided" || continue
	status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
	[ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "deps: ${#missing[@]} packages are missing; as root, run:" >&2
	echo "  apt-get update && apt-get install --no-install-recommends ${missing[*]}" >&2
	exit 1
fi

# nginx, haproxy and caddy are programs to our tests, not services of this machine: their units are masked while
# the packages arrive and disabled afterwards. A web server that was here before is left alone.
services=()
for package in "${missing[@]}"; do
	case $package in
	nginx-light) services+=(nginx.service) ;;
	haproxy) services+=(haproxy.service) ;;
	caddy) services+=(caddy.service) ;;
	esac
done
has_systemd() { [ -d /run/systemd/system ] && [ ${#services[@]} -gt 0 ]; }

unmask() { systemctl unmask --runtime --quiet "${services[@]}"; }

if has_systemd; then
	systemctl mask --runtime --quiet "${services[@]}"
	trap unmask EXIT
fi

export DEBIAN_FRONTEND=noninteractive
export RUNLEVEL=1 # without systemd, invoke-rc.d starts no service in the rescue runlevel
echo "deps: installing ${missing[*]}"
apt-get -q -o DPkg::Lock::Timeout=300 update
apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "${missing[@]}"
if has_systemd; then
	systemctl disable --quiet "${services[@]}"
fi
