# SPDX-License-Identifier: GPL-2.0-or-later
#
#   make [KVER=...]           the module for that kernel, the agent, the manual pages
#   make install [DESTDIR=...] [KVER=...]
#   make demo                 on a fresh Debian: installs what is missing, boots a virtual machine, shows the main job
#   make test                 the same, for every test; make vm-test T="tests/fs/some.sh" for some of them
#   make bench                the benchmarks; bench-limit: against the speed of the cipher; bench-growth: where there is much;
#                             bench-rules: with many rules and vaults
#   make check                sparse and checkpatch; check-module for the module alone
#
# All that is made lies in build/; the module has a directory there for each kernel it is built for.

SHELL := /bin/sh
.DELETE_ON_ERROR:

CACHE := $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/ward
VERSION := 0.1.0

# The newest installed headers, unless told otherwise
KVER ?= $(lastword $(shell printf '%s\n' $(patsubst /lib/modules/%/build/Makefile,%,\
	$(wildcard /lib/modules/*/build/Makefile)) | sort -V))
KDIR ?= $(firstword $(wildcard /lib/modules/$(KVER)/build) \
	$(if $(findstring -ward-debug,$(KVER)),$(CACHE)/debug-kernel) /lib/modules/$(KVER)/build)
KBUILD := build/$(KVER)/src

PREFIX ?= /usr
BINDIR := $(DESTDIR)$(PREFIX)/bin
SBINDIR := $(DESTDIR)$(PREFIX)/sbin
MANDIR := $(DESTDIR)$(PREFIX)/share/man
MODDIR := $(DESTDIR)/lib/modules/$(KVER)/updates
UNITDIR := $(DESTDIR)/lib/systemd/system
CATALOGDIR := $(DESTDIR)$(PREFIX)/lib/systemd/catalog
BASHCOMPDIR := $(DESTDIR)$(PREFIX)/share/bash-completion/completions
# Where there is dpkg, it has the rules follow the programs that it replaces. A package has a trigger for that.
DPKGDIR := $(if $(DESTDIR),,$(wildcard /etc/dpkg/dpkg.cfg.d))

PAGES := $(patsubst docs/man/%.scd,build/man/%,$(wildcard docs/man/*.scd))
UNITS := $(wildcard packaging/systemd/*.service packaging/systemd/*.socket packaging/systemd/*.target)
CATALOGS := $(wildcard packaging/systemd/*.catalog)
COMPLETIONS := $(wildcard packaging/completion/*)

.PHONY: all module agent docs install install-module install-agent demo test test-long vm-test tests bench bench-limit bench-growth bench-rules deb check check-module check-agent clean

all: module agent docs

# ---- the module --------------------------------------------------------------------------------------------------

# Kbuild leaves its objects beside the sources: each kernel gets a copy of them.
module:
	@test -n '$(KVER)' || { echo 'error: no kernel headers installed (tests/vm/deps installs them)' >&2; exit 1; }
	@test -e '$(KDIR)/Makefile' || { echo 'error: no headers of kernel $(KVER) in $(KDIR)' >&2; exit 1; }
	@mkdir -p $(KBUILD)
	@cd $(KBUILD) && find module -name '*.[ch]' ! -name '*.mod.c' 2>/dev/null | while read -r f; do \
		test -e "$(CURDIR)/$$f" || rm -f "$$f"; done
	@cp -pu --parents Kbuild $$(find module -name '*.[ch]') $(KBUILD)/
	+$(MAKE) -C $(KDIR) M=$(CURDIR)/$(KBUILD) modules
	@cmp -s $(KBUILD)/wardfs.ko build/$(KVER)/wardfs.ko || cp $(KBUILD)/wardfs.ko build/$(KVER)/

# ---- the agent and the manual pages ------------------------------------------------------------------------------

agent:
	+$(MAKE) -C agent VERSION=$(VERSION)

docs: $(PAGES)

build/man/%: docs/man/%.scd
	@mkdir -p $(@D)
	scdoc <$< >$@

# ---- installing --------------------------------------------------------------------------------------------------

install: install-module install-agent

install-module: module
	install -D -m 644 build/$(KVER)/wardfs.ko $(MODDIR)/wardfs.ko
	$(if $(DESTDIR),,depmod $(KVER))

install-agent: agent docs
	install -d $(BINDIR) $(SBINDIR) $(DESTDIR)/etc/ward/vaults.d
	install -m 755 build/agent/wardctl build/agent/ward-recover $(BINDIR)/
	install -m 755 build/agent/wardd build/agent/mount.wardfs $(SBINDIR)/
	$(foreach page,$(PAGES),install -D -m 644 $(page) $(MANDIR)/man$(subst .,,$(suffix $(page)))/$(notdir $(page));)
	$(if $(UNITS),install -d $(UNITDIR) && install -m 644 $(UNITS) $(UNITDIR)/)
	$(if $(CATALOGS),install -d $(CATALOGDIR) && install -m 644 $(CATALOGS) $(CATALOGDIR)/)
	install -d $(DESTDIR)$(PREFIX)/share/doc/ward/netlink
	install -m 644 README.md CHANGELOG.md $(wildcard docs/*.md) $(DESTDIR)$(PREFIX)/share/doc/ward/
	install -m 644 $(wildcard docs/netlink/*) $(DESTDIR)$(PREFIX)/share/doc/ward/netlink/
	install -d $(DESTDIR)$(PREFIX)/share/doc/ward/examples
	install -m 644 $(wildcard packaging/examples/*) $(DESTDIR)$(PREFIX)/share/doc/ward/examples/
	$(if $(DPKGDIR),install -D -m 644 packaging/dpkg/ward $(DPKGDIR)/ward)
	$(if $(COMPLETIONS),install -d $(BASHCOMPDIR) && install -m 644 $(COMPLETIONS) $(BASHCOMPDIR)/)

# ---- testing: everything below installs what it needs, and runs the module in virtual machines only ----------------

demo:
	tests/vm/deps vm
	+$(MAKE) all
	tests/vm/demo

test:
	tests/vm/deps test
	tests/vm/run-all

test-long:
	tests/vm/deps test
	tests/vm/run-all --long

bench:
	tests/vm/deps bench
	+$(MAKE) all
	tests/bench/run

bench-limit:
	tests/vm/deps bench
	+$(MAKE) all
	tests/bench/limit

bench-growth:
	tests/vm/deps bench
	+$(MAKE) all
	tests/bench/growth

bench-rules:
	tests/vm/deps bench
	+$(MAKE) all
	tests/bench/rules

# T="FILE..." and, if need be, VM="--kernel debug --lower xfs"
vm-test: tests
	tests/vm/run $(VM) -- $(patsubst tests/%.c,build/tests/%,$(T))

# Test programs in C (kselftest)
tests: module agent
	+$(MAKE) -C tests

deb:
	@echo 'error: there are no packages yet' >&2; exit 1

# ---- looking for mistakes without running anything ---------------------------------------------------------------

CHECKPATCH := $(CACHE)/linux-source/scripts/checkpatch.pl --no-tree --strict --terse --no-summary --show-types \
	--max-line-length=100
comma := ,
empty :=
space := $(empty) $(empty)
# Messages are not broken; names as the newest kernel has them are typedefs in compat/; byte-only code uses stdint.h
IGNORED := CONST_STRUCT LINUX_VERSION_CODE FILE_PATH_CHANGES CONSTANT_COMPARISON LONG_LINE_STRING \
	PREFER_KERNEL_TYPES NEW_TYPEDEFS PREFER_DEFINED_ATTRIBUTE_MACRO LINE_SPACING ALLOC_SIZEOF_STRUCT
# What only the kernel has
IGNORED_AGENT := $(IGNORED) BIT_MACRO CAMELCASE ARRAY_SIZE EMBEDDED_FUNCTION_NAME REPEATED_WORD COMPARISON_TO_NULL \
	MACRO_ARG_REUSE AVOID_EXTERNS STRLCPY STRCPY STRNCPY SSCANF_TO_KSTRTO CONSIDER_KSTRTO VOLATILE NAKED_SSCANF \
	PREFER_FALLTHROUGH

# Sections (wardfs_enter()) begin conditionally, which sparse's contexts cannot say.
check: check-module check-agent

check-module:
	tests/vm/deps test
	tests/vm/linux-source
	rm -rf build/sparse
	mkdir -p build/sparse
	cp -p --parents Kbuild $$(find module -name '*.[ch]') build/sparse/
	+$(MAKE) -C $(KDIR) M=$(CURDIR)/build/sparse C=2 CF='-Wsparse-error -Wno-context' modules
	$(CHECKPATCH) --ignore $(subst $(space),$(comma),$(strip $(IGNORED))) \
		-f $(wildcard module/*.[ch] module/*/*.[ch])

check-agent:
	tests/vm/deps test
	tests/vm/linux-source
	$(CHECKPATCH) --ignore $(subst $(space),$(comma),$(strip $(IGNORED_AGENT))) \
		-f $(wildcard agent/*/*.[ch] tests/*/*.[ch])

clean:
	rm -rf build
