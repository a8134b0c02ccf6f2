# SPDX-License-Identifier: BSD-3-Clause
# The checks that look at one C file at a time. Each has a stamp per file under $(O)/lint that hangs on
# the file's object, which make rebuilds when the file or a header it includes has changed: what was
# checked is not checked again. scripts/lint.sh calls these three.
LINT_SRC := $(filter-out %.bpf.c,$(call src,l4 l4/base l4/model l4/data l4/dpdk l4/ctrl l7 bpf tools tests/support tests/bench tests/bench/l7 tests/bench/telemetry tests/fuzz)) \
	$(patsubst $(O)/%,%.c,$(UNIT))
# Byte order matters where packets are; sparse cannot parse DPDK's and Criterion's headers.
SPARSE_SRC := $(call src,l4/base l4/model l4/data l7 tools)
stamps = $(patsubst %.c,$(O)/lint/$1/%.ok,$2)

.PHONY: lint-tidy lint-cppcheck lint-sparse
lint-tidy: $(call stamps,tidy,$(LINT_SRC))
lint-cppcheck: $(call stamps,cppcheck,$(LINT_SRC))
lint-sparse: $(call stamps,sparse,$(SPARSE_SRC))

# A stamp is written only if its check had nothing to say. Paths are shown from the root; clang-tidy
# counts on stderr the warnings that it does not show.
silent = @mkdir -p $(@D); out=$$({ $1 || echo "$*.c: exit status $$?"; } 2>&1 | \
	sed -E '/^[0-9]+ warnings? (and [0-9]+ errors? )?(generated|treated)/d; s,$(CURDIR)/,,'); \
	if [ -n "$$out" ]; then printf '%s\n' "$$out" >&2; exit 1; fi; touch $@

$(O)/lint/tidy/%.ok: $(O)/obj/%.o .clang-tidy scripts/lint.mk
	$(call silent,clang-tidy --quiet $*.c -- $(CPPFLAGS_ALL) -std=gnu17 $(MARCH) -Wall -Wextra -Wno-unused-parameter $(DPDK_CFLAGS))

# One file at a time, without system headers: what is checked is our code, not libraries.
$(O)/lint/cppcheck/%.ok: $(O)/obj/%.o scripts/lint.mk scripts/cppcheck.txt
	$(call silent,cppcheck --quiet --std=c11 --language=c --enable=style --enable=performance --enable=portability \
		--inline-suppr --suppressions-list=scripts/cppcheck.txt --library=posix -I. -I$(O)/gen -D__x86_64__ -D__BYTE_ORDER__=1 -D__ORDER_LITTLE_ENDIAN__=1 \
		--error-exitcode=1 --template='{file}:{line}: {severity}: {message} [{id}]' $*.c)

# scripts/sparse stands in for gcc's intrinsics; sparse knows _Atomic only without parentheses.
$(O)/lint/sparse/%.ok: $(O)/obj/%.o scripts/lint.mk $(wildcard scripts/sparse/*.h)
	$(call silent,sparse -Wsparse-error -Wbitwise -isystem scripts/sparse '-D_Atomic(T)=T' $(CPPFLAGS_ALL) -std=gnu17 $*.c)
