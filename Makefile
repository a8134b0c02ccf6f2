# SPDX-License-Identifier: BSD-3-Clause
# Builds lb47. Nothing is written outside $(O). Sources are found by folder, so a new file needs no
# line here: its folder decides what it is linked with (CONTRIBUTING.md, "Rooms").

VERSION := 0.1.0

## BUILD=      release (default), debug (HOT_ASSERT on), asan (address, leak, undefined), fuzz (clang)
BUILD ?= release
## CC=         gcc (default) or clang; each pair of BUILD and CC has its own folder: build, build-asan, build-clang
ifneq ($(filter default undefined,$(origin CC)),)
CC := $(if $(filter fuzz,$(BUILD)),clang,gcc)
endif
O := build$(patsubst %,-%,$(filter-out release,$(BUILD)))$(patsubst %,-%,$(filter-out gcc $(if $(filter fuzz,$(BUILD)),clang),$(CC)))
## MARCH=      instruction set; the data path wants AVX2 and AES-NI
MARCH ?= -march=x86-64-v3 -maes
## V=1         show the commands
Q := $(if $(V),,@)
## PREFIX=     where install puts things (/usr/local), below DESTDIR=
PREFIX ?= /usr/local
# bpftool and ip live in /usr/sbin, which an ordinary user's PATH leaves out.
export PATH := $(PATH):/usr/sbin:/sbin

# --- flags (style guide: "Warnings and lint") ---
WARN := -Wall -Wextra -Werror -Wno-unused-parameter -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wcast-qual -Wwrite-strings -Wvla -Wundef -Wformat=2 -Wimplicit-fallthrough
SAN := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FLAGS_release := -O2 -D_FORTIFY_SOURCE=2
FLAGS_debug   := -O0 -DLB47_HOT_ASSERT
FLAGS_asan    := -O1 -DLB47_HOT_ASSERT $(SAN)
FLAGS_fuzz    := -O1 -DLB47_HOT_ASSERT $(SAN) -fsanitize=fuzzer-no-link
$(if $(FLAGS_$(BUILD)),,$(error BUILD=$(BUILD): choose release, debug, asan or fuzz))
CPPFLAGS_ALL := -I. -isystem $(O)/gen -D_GNU_SOURCE -DLB47_VERSION='"$(VERSION)"' $(CPPFLAGS)
CFLAGS_ALL := -std=gnu17 -g $(MARCH) $(WARN) $(FLAGS_$(BUILD)) -fstack-protector-strong $(CFLAGS)
LDFLAGS_ALL := $(filter-out -fsanitize=fuzzer-no-link,$(filter -fsanitize%,$(FLAGS_$(BUILD)))) -Wl,--as-needed -Wl,-z,relro,-z,now $(LDFLAGS)
# Library headers by -isystem: our warnings are for our code. DPDK's own -march would undo MARCH.
isystem = $(patsubst -I%,-isystem %,$(filter-out -march=%,$(shell pkg-config --cflags $1 2>/dev/null)))
DPDK_CFLAGS := $(call isystem,libdpdk)
DPDK_LIBS := $(shell pkg-config --libs libdpdk 2>/dev/null)

# --- rooms ---
src = $(sort $(foreach d,$1,$(wildcard $d/*.c)))
obj = $(patsubst %.c,$(O)/obj/%.o,$1)
PROGRAMS := $(patsubst %.c,$(O)/bin/%,$(notdir $(wildcard tools/lbctl.c tools/lbreplay.c tools/lbtop.c)))
PROGRAMS += $(if $(wildcard l4/main.c),$(O)/bin/lb4d) $(if $(wildcard l7/main.c),$(O)/bin/lb7d)
TOOL_SHARED := $(filter-out $(patsubst $(O)/bin/%,tools/%.c,$(PROGRAMS)),$(call src,tools))
lib = $(patsubst %,$(O)/lib/lib%.a,$1)
# Archives in link order, each before what it uses; base is under everything.
MODEL := $(call lib,model base)
DATA := $(call lib,data model base)
L7 := $(call lib,l7 model base)
BPF_SRC := $(wildcard bpf/*.bpf.c)
SKELS := $(patsubst bpf/%.bpf.c,$(O)/gen/bpf/%.skel.h,$(BPF_SRC))
UNIT := $(patsubst %.c,$(O)/%,$(sort $(shell find tests/unit -name 'test_*.c' 2>/dev/null)))
FUZZ := $(patsubst %.c,$(O)/%,$(call src,tests/fuzz))
BENCH := $(patsubst tests/bench/%.c,$(O)/bench/%,$(call src,tests/bench))

.PHONY: all programs tests demo demo-stop deps test check unit pcap pcap-accept pcap-daemon smoke fuzz bench asan-unit lint format install uninstall clean help
.DELETE_ON_ERROR:
.SECONDARY:

all: programs ## build the programs into build/bin (default)
programs: $(PROGRAMS) ; @:
tests: $(UNIT) ## build the unit tests without running them
	@:
fuzzers: $(FUZZ) ; @:
LAYOUTS := $(shell seq 0 19)
benches: $(BENCH) $(patsubst %,$(O)/tests/bench/%,l7_load lb7d_on lb7d_off $(addprefix telemetry_packets_,$(LAYOUTS))) $(O)/tests/smoke/steer_run $(O)/tests/smoke/tcp_run ; @:

$(O)/lib/libbase.a: $(call obj,$(call src,l4/base))
$(O)/lib/libmodel.a: $(call obj,$(call src,l4/model))
$(O)/lib/libdata.a: $(call obj,$(call src,l4/data))
$(O)/lib/libl7.a: $(call obj,$(filter-out l7/main.c,$(call src,l7)))
$(O)/lib/libctrl.a: $(call obj,$(call src,l4/ctrl))
$(O)/lib/libtools.a: $(call obj,$(TOOL_SHARED))
$(O)/lib/libsupport.a: $(call obj,$(call src,tests/support))
$(O)/lib/%.a: $(O)/flags
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $(filter %.o,$^)

# One line per kind of program: what it may be linked with is the proof of the layering.
link = @mkdir -p $(@D); $(if $(V),,echo "  LINK $@";) $(if $(V),set -x;) $(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $1
$(O)/bin/lb4d: $(call obj,$(call src,l4 l4/dpdk) $(filter-out %.bpf.c,$(call src,bpf))) $(call lib,ctrl) $(DATA)
	$(call link,$(call lib,ctrl) $(DATA) $(DPDK_LIBS) -lbpf -lev -lmnl -lcap-ng -lseccomp -lcrypto -ljansson -lm)
$(O)/bin/lb7d: $(O)/obj/l7/main.o $(call obj,bpf/attach.c bpf/attach_l7.c bpf/attach_table.c bpf/attach_tcp.c bpf/tcp_programs.c) $(L7)
	$(call link,$(L7) -lbpf -lnghttp2 -lssl -lcrypto -lcap-ng -ljansson -lm -pthread)
# lb7d with and without what it counts of streams, in one order of objects with that one last: all else lies at the same place.
LB7D_BENCH := $(call obj,l7/main.c bpf/attach.c bpf/attach_l7.c bpf/attach_table.c bpf/attach_tcp.c bpf/tcp_programs.c \
	$(filter-out l7/main.c l7/stream_count.c,$(call src,l7)) $(call src,l4/model l4/base))
$(O)/tests/bench/lb7d_on: $(LB7D_BENCH) $(O)/obj/l7/stream_count.o
$(O)/tests/bench/lb7d_off: $(LB7D_BENCH) $(O)/obj/tests/bench/telemetry/stream_count_off.o
$(O)/tests/bench/lb7d_on $(O)/tests/bench/lb7d_off:
	$(call link,-lbpf -lnghttp2 -lssl -lcrypto -lcap-ng -ljansson -lm -pthread)
$(O)/bin/lbreplay: $(O)/obj/tools/lbreplay.o $(call lib,tools) $(DATA)
	$(call link,$(call lib,tools) $(DATA) -lpcap -lcrypto -ljansson -lm)
$(O)/bin/lbtop: $(O)/obj/tools/lbtop.o $(call lib,tools) $(MODEL)
	$(call link,$(call lib,tools) $(MODEL) -lncursesw -ltinfo -ljansson -lm)
$(O)/bin/lbctl: $(O)/obj/tools/lbctl.o $(call lib,tools l7 data) $(MODEL)
	$(call link,$(call lib,tools l7 data) $(MODEL) -lsmartcols -lpcap -lssl -lcrypto -lcap-ng -ljansson -lm)
$(O)/tests/unit/l4/base/%: LIBS = $(call lib,base)
$(O)/tests/unit/l4/model/%: LIBS = $(MODEL) -ljansson
$(O)/tests/unit/l4/data/%: LIBS = $(DATA) -lcrypto -ljansson
$(O)/tests/unit/l4/ctrl/%: LIBS = $(call lib,ctrl) $(DATA) -lev -lmnl -lcrypto -ljansson
$(O)/tests/unit/l7/%: LIBS = $(L7) -lnghttp2 -lssl -lcrypto -ljansson -pthread
$(O)/tests/unit/tools/%: LIBS = $(call lib,tools) $(DATA) -lpcap -lcrypto -ljansson
$(O)/tests/unit/%: $(O)/obj/tests/unit/%.o $(call lib,support tools ctrl l7) $(DATA)
	$(call link,$(call lib,support) $(LIBS) -lcriterion -lm)
$(O)/tests/fuzz/%: $(O)/obj/tests/fuzz/%.o $(call lib,support tools l7) $(DATA)
	$(call link,-fsanitize=fuzzer $(call lib,support tools l7) $(DATA) -lnghttp2 -lssl -lcrypto -ljansson -lm)
$(O)/bench/bench_route: $(O)/obj/tests/bench/bench_route.o $(L7)
	$(call link,$(L7) -lnghttp2 -lssl -lcrypto -ljansson -lm)
$(addprefix $(O)/tests/smoke/,steer_run stats_run tcp_run): $(O)/tests/smoke/%: $(O)/obj/tests/smoke/%.o \
		$(call obj,$(filter-out %.bpf.c,$(call src,bpf))) $(call lib,support) $(MODEL)
	$(call link,$(call lib,support) $(MODEL) -lbpf -ljansson -lm)
$(O)/tests/smoke/quic_server: $(call obj,$(call src,tests/smoke/quic)) $(DATA)
	$(call link,$(DATA) -lngtcp2_crypto_gnutls -lngtcp2 -lnghttp3 -lgnutls -lcrypto -lm)
$(O)/tests/smoke/%: $(O)/obj/tests/smoke/%.o $(call lib,ctrl) $(DATA)
	$(call link,$(call lib,ctrl) $(DATA) -lev -lmnl -lcrypto -ljansson -lm)
$(O)/tests/bench/l7_load: $(call obj,$(call src,tests/bench/l7)) $(call lib,base)
	$(call link,$(call lib,base) -lssl -lcrypto -lpthread)
# Where the linker puts code moves a packet's time by more than counting costs: several programs of the same objects, in an order that
# is drawn by name. (Curtsinger, Berger: Stabilizer, ASPLOS 2013.)
drawn = $$(for o in $(filter %.o,$^); do echo "$$(echo $*$$o | cksum) $$o"; done | sort -n | sed 's/.* //')
$(O)/tests/bench/telemetry_packets_%: $(call obj,$(addprefix tests/bench/telemetry/,telemetry_packets.c pipeline_on.c pipeline_off.c) \
		$(call src,l4/data)) $(call lib,support) $(MODEL)
	@mkdir -p $(@D); $(if $(V),,echo "  LINK $@")
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $(drawn) $(call lib,support) $(MODEL) -lcrypto -ljansson -lm
$(O)/bench/bench_http1: $(O)/obj/tests/bench/bench_http1.o $(L7)
	$(call link,$(L7) -lhttp_parser)
$(O)/bench/%: $(O)/obj/tests/bench/%.o $(call lib,support l7) $(DATA)
	$(call link,$(call lib,support l7) $(DATA) -lnghttp2 -lssl -lcrypto -ljansson -lm)

# --- compiling ---
$(O)/obj/l4/dpdk/%.o $(O)/obj/l4/ctrl/%.o $(O)/obj/l4/main.o: LIB_CFLAGS := $(DPDK_CFLAGS)
$(call obj,$(filter-out %.bpf.c,$(call src,bpf))): $(SKELS)
$(O)/obj/%.o: %.c $(O)/flags
	@mkdir -p $(@D); $(if $(V),,echo "  CC   $<")
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(LIB_CFLAGS) -MMD -MP -c -o $@ $<
# Changed flags rebuild everything, an unchanged Makefile nothing.
$(O)/flags: FORCE
	@mkdir -p $(@D); printf '%s\n' '$(subst ','\'',$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(DPDK_CFLAGS))' | \
		cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(DPDK_CFLAGS))' >$@
FORCE:

# BPF programs: -ffreestanding keeps clang's own stdint.h, as libc's is for the host's word size.
BPF_CFLAGS := -target bpf -mcpu=v3 -g -O2 -std=gnu17 -ffreestanding -Wall -Wextra -Werror -Wno-unused-parameter \
	-I. -isystem /usr/include/$(shell $(CC) -print-multiarch 2>/dev/null || uname -m)
$(O)/gen/bpf/%.bpf.o: bpf/%.bpf.c Makefile
	@mkdir -p $(@D); $(if $(V),,echo "  BPF  $<")
	$(Q)clang $(BPF_CFLAGS) -MMD -MP -c -o $@ $<
$(O)/gen/bpf/%.skel.h: $(O)/gen/bpf/%.bpf.o
	$(Q)bpftool gen skeleton $< name $(*F)_bpf >$@

# --- running ---
## JOBS=       how many things run at once (the number of processors)
JOBS ?= $(shell nproc)
## CASE=       one pcap case or smoke test instead of all
## FUZZ_SECONDS= seconds for the fuzz targets parse and conf_json; twice for http2, a third for the others (30)
FUZZ_SECONDS ?= 30
export JOBS FUZZ_SECONDS O
PMAKE = $(MAKE) --no-print-directory -j$(JOBS)
# A suite that is not written yet has run no test; the sum of all must not be zero (scripts/run_tests.sh).
runner = $(if $(wildcard $1),$1,echo '$1: not there; 0 passed, 0 failed, 0 skipped'; :)

deps: ## install the Debian packages that are missing (needs root only if one is)
	@scripts/deps.sh
demo: deps ## a whole edge in network namespaces, with real traffic, as root (DEMO=once stops after the report)
	@scripts/demo.sh ready && $(PMAKE) all $(O)/tests/smoke/quic_server && scripts/demo.sh
demo-stop: ## stop a demo that runs elsewhere
	@scripts/demo.sh stop
test: deps ## install what is missing, build, run every test; ends with `N passed, N failed, N skipped`
	@scripts/run_tests.sh all
check: ## the unprivileged part in under two minutes: lint, unit, pcap
	@scripts/run_tests.sh check
unit: tests ## run the unit tests
	@scripts/run_unit.sh $(UNIT)
pcap: programs ## packets in, verdicts out (CASE=name for one)
	@$(call runner,tests/pcap/run) --bin $(O)/bin $(if $(CASE),--case '$(CASE)')
pcap-accept: programs ## write expect.txt of CASE=name, to be read before it is committed
	@$(call runner,tests/pcap/run) --bin $(O)/bin --accept --case '$(or $(CASE),$(error CASE=name is missing))'
pcap-daemon: programs ## the same packets through lb4d on a pcap port as well
	@$(call runner,tests/pcap/run) --bin $(O)/bin --daemon $(if $(CASE),--case '$(CASE)')
smoke: programs $(patsubst %.c,$(O)/%,$(call src,tests/smoke)) $(O)/tests/smoke/quic_server ## real daemons and real peers in network namespaces, as root (CASE=name for one)
	@$(call runner,tests/smoke/run) $(CASE)
fuzz: ## every fuzz target, see FUZZ_SECONDS
	@$(PMAKE) BUILD=fuzz CC=clang fuzzers && scripts/run_fuzz.sh
bench: programs benches ## the benchmarks, each beside its yardstick in the same run
	@scripts/run_bench.sh $(BENCH) $(sort $(wildcard tests/bench/*.sh))
asan-unit: ## unit and pcap tests under the address and undefined-behaviour sanitizers
	@$(PMAKE) BUILD=asan programs tests && $(PMAKE) BUILD=asan -j1 -k unit pcap
lint: ## format, clang-tidy, cppcheck, sparse, shellcheck, layers, names
	@scripts/lint.sh
format: ## let clang-format rewrite the C files
	@git ls-files -co --exclude-standard '*.[ch]' | xargs -r clang-format -i
install: all ## install into $(DESTDIR)$(PREFIX)
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/lb47
	install $(filter %d,$(PROGRAMS)) $(DESTDIR)$(PREFIX)/sbin
	install $(filter-out %d,$(PROGRAMS)) $(DESTDIR)$(PREFIX)/bin
	cp -R conf/. $(DESTDIR)$(PREFIX)/share/lb47
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man8 tools/lb4d.8 tools/lb7d.8 tools/lbctl.8 tools/lbtop.8
	install -D -m 644 tools/lbctl.bash-completion $(DESTDIR)$(PREFIX)/share/bash-completion/completions/lbctl
	install -D -m 644 tools/lbtop.bash-completion $(DESTDIR)$(PREFIX)/share/bash-completion/completions/lbtop
uninstall: ## remove what install put there; configurations, logs and units in /etc stay
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/sbin/,$(notdir $(filter %d,$(PROGRAMS))))
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/bin/,$(notdir $(filter-out %d,$(PROGRAMS))))
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/share/man/man8/,lb4d.8 lb7d.8 lbctl.8 lbtop.8)
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/share/bash-completion/completions/,lbctl lbtop)
	rm -rf $(DESTDIR)$(PREFIX)/share/lb47
clean: ## remove everything that make wrote
	rm -rf build build-*
help: ## this text
	@echo 'make TARGET [KNOB=value]'; echo; echo 'Targets:'
	@awk -F': .*## |: ## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' Makefile
	@echo; echo 'Knobs:'; sed -n 's/^## /  /p' Makefile

-include scripts/lint.mk
-include $(shell find $(O) -name '*.d' 2>/dev/null)
