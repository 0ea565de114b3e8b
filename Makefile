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
BUILD ?= build/$(notdir $(CC))$(if $(SAN),-$(subst $(comma),+,$(SAN)))
endif
comma := ,
Q := $(if $(V),,@)

WARNINGS := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wpointer-arith
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE $(WARNINGS) -fvisibility=hidden -fPIC -Isrc -Iinclude \
             $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all) $(CFLAGS)
ALL_LDFLAGS = $(if $(SAN),-fsanitize=$(SAN)) -Wl,--as-needed $(LDFLAGS)

# ---- layers: what goes into which artefact ----------------------------------
objects = $(patsubst %,$(BUILD)/%.o,$(basename $(wildcard $(foreach d,$(1),src/$(d)/*.c src/$(d)/*.S))))
CORE    := base elf plan live bind
ATTACH  := base elf plan symfile attach
CORE_O    = $(call objects,$(CORE))
PRELOAD_O = $(call objects,$(CORE) entry)
ATTACH_O  = $(call objects,$(ATTACH))
CLI_O     = $(call objects,cli)

LIBS    := $(BUILD)/libgraft.so.$(VERSION) $(BUILD)/libgraft.a $(BUILD)/libgraft-preload.so
TOOL    := $(BUILD)/graft
TOOL_LIBS := -ljansson -lsmartcols

.PHONY: all check demo bench soak fuzz install uninstall clean deps docs help
all: $(LIBS) $(BUILD)/libgraft-attach.so.$(VERSION) $(TOOL)

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
$(BUILD)/libgraft-preload.so: $(PRELOAD_O) src/libgraft-preload.map
	$(Q)$(CC) $(ALL_LDFLAGS) -shared -Wl,-soname,libgraft-preload.so -Wl,--version-script=src/libgraft-preload.map \
	    -Wl,-z,now -Wl,-z,defs -Wl,-z,initfirst -o $@ $(PRELOAD_O)

$(BUILD)/libgraft-attach.so.$(VERSION): $(ATTACH_O) src/libgraft-attach.map
	$(Q)$(CC) $(ALL_LDFLAGS) -shared -Wl,-soname,libgraft-attach.so.0 \
	    -Wl,--version-script=src/libgraft-attach.map -Wl,-z,now -Wl,-z,defs -o $@ $(ATTACH_O) -ljansson
	$(Q)ln -sf libgraft-attach.so.$(VERSION) $(BUILD)/libgraft-attach.so.0
	$(Q)ln -sf libgraft-attach.so.0 $(BUILD)/libgraft-attach.so

$(TOOL): $(CLI_O) $(ATTACH_O)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(CLI_O) $(ATTACH_O) $(TOOL_LIBS)

-include $(patsubst %.o,%.d,$(PRELOAD_O) $(ATTACH_O) $(CLI_O))
