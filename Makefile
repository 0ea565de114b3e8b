# graft: GNU make, no generator.   make help   lists the targets.
#
#   make demo / make check     install what is missing, build, run
#   SAN=address,undefined      sanitizers        CC=clang      another compiler
#   PREFIX=/usr/local DESTDIR= for install       V=1           show the commands

CC ?= cc
ifeq ($(origin CC),default)
CC = gcc
endif
PREFIX ?= /usr/local
DESTDIR ?=
LIBDIR ?= $(PREFIX)/lib
SAN ?=
VERSION := $(shell sed -n 's/^#define GRAFT_VERSION "\(.*\)"/\1/p' include/graft/graft.h)

# One build folder per way of building, so that they do not mix.
ifeq ($(SAN)$(filter-out gcc cc,$(notdir $(CC))),)
BUILD ?= build
else
comma := ,
BUILD ?= build/$(notdir $(CC))$(if $(SAN),-$(subst $(comma),+,$(SAN)))
endif
# What builds below another target uses all processors, unless -j was given.
JOBS = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))
Q := $(if $(V),,@)

WARNINGS := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wpointer-arith
CFLAGS ?= -O2 -g
LIBDIR_FLAG = -DGRAFT_LIBDIR='"$(LIBDIR)"'
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE $(WARNINGS) -fvisibility=hidden -fPIC -Isrc -Iinclude $(LIBDIR_FLAG) \
             $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all) $(CFLAGS)
ALL_LDFLAGS = $(if $(SAN),-fsanitize=$(SAN)) -Wl,--as-needed $(LDFLAGS)

# ---- layers: what goes into which artefact ----------------------------------
objects = $(patsubst %,$(BUILD)/%.o,$(basename $(wildcard $(foreach d,$(1),src/$(d)/*.c src/$(d)/*.S))))
CORE    := base elf plan file live bind load api
ATTACH  := base elf plan file symfile attach
CORE_O    = $(call objects,$(CORE))
PRELOAD_O = $(call objects,$(CORE) entry)
ATTACH_O  = $(call objects,$(ATTACH))
CLI_O     = $(call objects,cli)
LIFT_O    = $(call objects,lift)
REGISTRY_O = $(call objects,registry)

# Each folder of hooks/ is a hook library; what they share is in hooks/common.
HOOK_NAMES := $(filter-out common template,$(patsubst hooks/%/,%,$(wildcard hooks/*/)))
HOOKS    = $(HOOK_NAMES:%=$(BUILD)/hooks/%.so)
hook_objects = $(patsubst %,$(BUILD)/%.o,$(basename $(wildcard hooks/$(1)/*.c hooks/$(1)/*.S hooks/common/*.c)))
COMPAT_O  = $(call objects,compat)
COMPAT   := $(BUILD)/libgraft-compat.so.$(VERSION)

LIBS    := $(BUILD)/libgraft.so.$(VERSION) $(BUILD)/libgraft.a $(BUILD)/libgraft-preload.so $(BUILD)/libgraft-registry.a
TOOL    := $(BUILD)/graft
TOOL_LIBS := -ljansson -lsmartcols -lelf -lnettle -lpthread

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all check demo bench soak fuzz install uninstall clean deps docs help
all: $(LIBS) $(BUILD)/libgraft-attach.so.$(VERSION) $(COMPAT) $(TOOL) $(HOOKS)

help:
	@sed -n 's/^#   \(make\|SAN\|PREFIX\)/  \1/p' Makefile
	@echo "  targets: all check demo bench soak fuzz docs install uninstall clean deps"

$(BUILD)/src/%.o: src/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/src/%.o: src/%.S
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/libgraft.so.$(VERSION): $(CORE_O) src/libgraft.map
	$(Q)$(CC) $(ALL_LDFLAGS) -shared -Wl,-soname,libgraft.so.0 -Wl,--version-script=src/libgraft.map \
	    -Wl,-z,now -Wl,-z,defs -o $@ $(CORE_O)
	$(Q)ln -sf libgraft.so.$(VERSION) $(BUILD)/libgraft.so.0
	$(Q)ln -sf libgraft.so.0 $(BUILD)/libgraft.so

# One object whose internal names are local, so that a static link cannot collide.
$(BUILD)/libgraft.a: $(CORE_O)
	$(Q)ld -r -o $(BUILD)/graft-core.o $(CORE_O)
	$(Q)objcopy --localize-hidden $(BUILD)/graft-core.o
	$(Q)rm -f $@ && ar rcs $@ $(BUILD)/graft-core.o

# initfirst: rules are in force before any other library's constructor can dlopen.
# noseparate-code: two mappings fewer, 15 us less an exec.
$(BUILD)/libgraft-preload.so: $(PRELOAD_O) src/libgraft-preload.map
	$(Q)$(CC) $(ALL_LDFLAGS) -shared -Wl,-soname,libgraft-preload.so -Wl,--version-script=src/libgraft-preload.map \
	    -Wl,-z,now -Wl,-z,defs -Wl,-z,initfirst \
	    -Wl,-z,noseparate-code -Wl,-O1 -Wl,--hash-style=gnu -o $@ $(PRELOAD_O)

$(BUILD)/libgraft-attach.so.$(VERSION): $(ATTACH_O) src/libgraft-attach.map
	$(Q)$(CC) $(ALL_LDFLAGS) -shared -Wl,-soname,libgraft-attach.so.0 \
	    -Wl,--version-script=src/libgraft-attach.map -Wl,-z,now -Wl,-z,defs -o $@ $(ATTACH_O) -ljansson
	$(Q)ln -sf libgraft-attach.so.$(VERSION) $(BUILD)/libgraft-attach.so.0
	$(Q)ln -sf libgraft-attach.so.0 $(BUILD)/libgraft-attach.so

$(TOOL): $(CLI_O) $(LIFT_O) $(ATTACH_O)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(CLI_O) $(LIFT_O) $(ATTACH_O) $(TOOL_LIBS)

$(BUILD)/libgraft-registry.a: $(REGISTRY_O)
	$(Q)ld -r -o $(BUILD)/graft-registry.o $(REGISTRY_O)
	$(Q)objcopy --localize-hidden $(BUILD)/graft-registry.o
	$(Q)rm -f $@ && ar rcsD $@ $(BUILD)/graft-registry.o

$(COMPAT): $(COMPAT_O) src/libgraft-compat.map $(BUILD)/libgraft.so.$(VERSION)
	$(Q)$(CC) $(ALL_LDFLAGS) -shared -Wl,-soname,libgraft-compat.so.0 -Wl,--version-script=src/libgraft-compat.map \
	    -Wl,-z,now -Wl,-z,defs -o $@ $(COMPAT_O) -L$(BUILD) -lgraft
	$(Q)ln -sf libgraft-compat.so.$(VERSION) $(BUILD)/libgraft-compat.so.0
	$(Q)ln -sf libgraft-compat.so.0 $(BUILD)/libgraft-compat.so

$(BUILD)/hooks/%.o: hooks/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Ihooks -MMD -MP -c -o $@ $<
$(BUILD)/hooks/%.o: hooks/%.S
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Ihooks -MMD -MP -c -o $@ $<

.SECONDEXPANSION:
$(HOOKS): $(BUILD)/hooks/%.so: $$(call hook_objects,$$*)
	$(Q)$(CC) $(ALL_LDFLAGS) -shared -Wl,-z,now -Wl,-z,defs -o $@ $^

# ---- tests --------------------------------------------------------------------
# tests/unit/test_NAME.c is one cmocka program over the core and attach objects;
# tests/e2e/NAME.sh is one script that exits 0, or 77 after "SKIP reason". Both run
# from the project's folder with BUILD and GRAFT set; tests/run.sh counts them.
TEST_SOURCES := $(wildcard tests/unit/test_*.c)
TESTS   := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(TEST_SOURCES))
TEST_O   = $(call objects,base elf plan file live bind load api symfile attach)
SUPPORT := $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(TEST_SOURCES),$(wildcard tests/unit/*.c)))

$(BUILD)/tests/unit/%.o: tests/unit/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests -MMD -MP -c -o $@ $<

$(BUILD)/tests/test_%: $(BUILD)/tests/unit/test_%.o $(SUPPORT) $(TEST_O)
	$(Q)$(CC) $(ALL_LDFLAGS) -rdynamic -o $@ $^ -lcmocka -ljansson -lpthread

# In this one dlopen is the registry's; a sanitizer asks for names by it before it is ready.
SANITIZED = $(filter-out $(BUILD)/tests/test_registry,$(TESTS))
$(BUILD)/tests/test_registry: $(BUILD)/tests/unit/test_registry.o $(REGISTRY_O)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ -lcmocka -lpthread

# What the fixtures show is gcc's and three linkers' work, whatever builds graft.
.PHONY: tests unit fixtures
tests: unit fixtures
unit: $(if $(SAN),$(SANITIZED),$(TESTS))
fixtures:
	$(Q)env -u MAKEFLAGS -u MFLAGS -u CFLAGS CC=gcc tests/fixtures/build.sh $(BUILD)/fixtures >/dev/null
	$(Q)env -u MAKEFLAGS -u MFLAGS -u CFLAGS CC=gcc tests/fixtures/hook/build.sh $(BUILD)/fixtures/hook >/dev/null

# Everything: unit tests, again with the sanitizers and under valgrind, end-to-end
# scripts, demos; a warning of gcc or clang is an error.
E2E := $(wildcard tests/e2e/*.sh) tests/fuzz/replay.sh docs/check.sh tests/install/check.sh demos/run-all.sh
check: deps
	$(Q)$(MAKE) $(JOBS) --no-print-directory CFLAGS="-O2 -g -Werror" all tests
	$(Q)$(MAKE) $(JOBS) --no-print-directory SAN=address,undefined CFLAGS="-O2 -g -Werror" unit
	$(Q)$(MAKE) $(JOBS) --no-print-directory CC=clang CFLAGS="-O1 -Werror" all unit
	$(Q)BUILD=$(BUILD) tests/run.sh $(TESTS) $(patsubst $(BUILD)/%,build/gcc-address+undefined/%,$(SANITIZED)) $(E2E)

# The first demo, with what it prints before and after.
demo: deps
	$(Q)$(MAKE) $(JOBS) --no-print-directory all
	$(Q)GRAFT=$(CURDIR)/$(TOOL) BUILD=$(CURDIR)/$(BUILD) demos/01-python-deepbind/run.sh

$(BUILD)/stop_time: tests/e2e/attach/stop_time.c $(TEST_O)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests $(ALL_LDFLAGS) -o $@ $^ -ljansson -lpthread

bench: deps
	$(Q)$(MAKE) $(JOBS) --no-print-directory all tests $(BUILD)/stop_time
	$(Q)BUILD=$(BUILD) GRAFT=$(CURDIR)/$(TOOL) tests/bench/bench.sh $(if $(JSON),--json $(JSON))
	$(Q)echo "a live target's stop, microseconds (apply, medians):"
	$(Q)BUILD=$(BUILD) $(BUILD)/stop_time
	$(Q)echo "the registry against ld.so, lifting and linking:"
	$(Q)BUILD=$(BUILD) tests/bench/registry.sh

soak: deps
	$(Q)$(MAKE) $(JOBS) --no-print-directory all tests
	$(Q)SOAK=1 TEST_TIMEOUT=3600 BUILD=$(BUILD) tests/run.sh $(TESTS) $(E2E)

fuzz:
	$(Q)tests/install/deps.sh fuzz
	$(Q)tests/fuzz/run.sh $(SECONDS)

deps:
	$(Q)tests/install/deps.sh

# ---- documents and installation -----------------------------------------------
MAN := $(patsubst docs/man/%.scd,$(BUILD)/man/%,$(wildcard docs/man/*.scd))
docs: $(MAN)
$(BUILD)/man/%: docs/man/%.scd
	@mkdir -p $(@D)
	$(Q)scdoc <$< >$@

install: all docs
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(LIBDIR)/graft/hooks \
	    $(DESTDIR)$(PREFIX)/include/graft/compat/gotcha
	install -m 755 $(TOOL) $(DESTDIR)$(PREFIX)/bin/graft
	install -m 755 $(BUILD)/libgraft.so.$(VERSION) $(BUILD)/libgraft-preload.so \
	    $(BUILD)/libgraft-attach.so.$(VERSION) $(COMPAT) $(DESTDIR)$(LIBDIR)
	install -m 755 $(HOOKS) $(DESTDIR)$(LIBDIR)/graft/hooks
	install -m 644 $(BUILD)/libgraft.a $(BUILD)/libgraft-registry.a $(DESTDIR)$(LIBDIR)
	ln -sf libgraft.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libgraft.so.0
	ln -sf libgraft.so.0 $(DESTDIR)$(LIBDIR)/libgraft.so
	ln -sf libgraft-attach.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libgraft-attach.so.0
	ln -sf libgraft-attach.so.0 $(DESTDIR)$(LIBDIR)/libgraft-attach.so
	ln -sf libgraft-compat.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libgraft-compat.so.0
	ln -sf libgraft-compat.so.0 $(DESTDIR)$(LIBDIR)/libgraft-compat.so
	install -m 644 include/graft/*.h $(DESTDIR)$(PREFIX)/include/graft
	install -m 644 include/graft/compat/*.h $(DESTDIR)$(PREFIX)/include/graft/compat
	install -m 644 include/graft/compat/gotcha/*.h $(DESTDIR)$(PREFIX)/include/graft/compat/gotcha
	for f in graft graft-attach graft-compat; do sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|' \
	    src/$$f.pc.in >$(DESTDIR)$(LIBDIR)/pkgconfig/$$f.pc; done
	for f in $(notdir $(MAN)); do install -D -m 644 $(BUILD)/man/$$f \
	    $(DESTDIR)$(PREFIX)/share/man/man$${f##*.}/$$f; done

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/graft $(DESTDIR)$(LIBDIR)/libgraft.so* $(DESTDIR)$(LIBDIR)/libgraft.a \
	    $(DESTDIR)$(LIBDIR)/libgraft-registry.a \
	    $(DESTDIR)$(LIBDIR)/libgraft-preload.so $(DESTDIR)$(LIBDIR)/libgraft-attach.so* \
	    $(DESTDIR)$(LIBDIR)/libgraft-compat.so* $(DESTDIR)$(LIBDIR)/pkgconfig/graft.pc \
	    $(DESTDIR)$(LIBDIR)/pkgconfig/graft-attach.pc $(DESTDIR)$(LIBDIR)/pkgconfig/graft-compat.pc
	rm -rf $(DESTDIR)$(LIBDIR)/graft $(DESTDIR)$(PREFIX)/include/graft
	for f in $(notdir $(MAN)); do rm -f $(DESTDIR)$(PREFIX)/share/man/man$${f##*.}/$$f; done

clean:
	rm -rf build

-include $(patsubst %.o,%.d,$(PRELOAD_O) $(ATTACH_O) $(CLI_O) $(LIFT_O) $(REGISTRY_O) $(COMPAT_O)) $(wildcard $(BUILD)/hooks/*/*.d) $(wildcard $(BUILD)/tests/unit/*.d)
