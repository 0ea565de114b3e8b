/* SPDX-License-Identifier: MIT */
/* Which interpreters live where. A runtime is known by the functions that only
 * its own code defines and by a datum with which it says that it is initialised,
 * never by a file's name: "node" matches any x.node. A new runtime is a row. */

#include "plan/runtime.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "elf/reloc.h"

/* How a datum tells the state, or the version. */
enum probe {
    PROBE_NOTHING,
    PROBE_STATELESS,                /* no process-wide state at all */
    PROBE_WORD,                     /* a pointer: null until initialised */
    PROBE_BYTE,
    PROBE_PYTHON,                   /* _PyRuntime: its layout follows the version */
    PROBE_HOTSPOT,                  /* gHotSpotVMStructs leads to the heap */
    PROBE_TEXT,                     /* char[] */
    PROBE_LUA_IDENT,                /* "$LuaVersion: Lua 5.4.4  Copyright …" */
    PROBE_PYTHON_HEX,               /* 0x030b02f0 */
    PROBE_STD_STRING,               /* libstdc++'s std::string, short */
    PROBE_PERL,                     /* PL_revision, PL_version, PL_subversion */
    PROBE_SONAME                    /* the digits in libtcl8.6.so, else in the file's name */
};

static const struct runtime {
    const char *tag, *anchor[3];
    enum probe state;
    const char *state_symbol;
    enum probe version;
    const char *version_symbol;
    unsigned digits;                /* how many numbers of two versions must agree; 0: none */
    const char *stable;             /* names that mean the same in all versions; NULL: none */
    const char *beside;             /* names that the runtime's own interface hands on from a library beside it */
} runtimes[] = {
    { "python", { "Py_InitializeEx", "Py_IsInitialized" },
      PROBE_PYTHON, "_PyRuntime", PROBE_PYTHON_HEX, "Py_Version", 2, NULL, NULL },
    { "node", { "_ZN4node5StartEiPPc", "napi_create_function" },
      PROBE_BYTE, "_ZN4node11per_process14v8_initializedE",
      PROBE_STD_STRING, "_ZN4node11per_process8metadataE", 1, "napi_*,node_api_*,uv_*", "uv_*" },
    { "ruby", { "ruby_setup", "ruby_sysinit" },
      PROBE_WORD, "ruby_current_vm_ptr", PROBE_TEXT, "ruby_version", 2, NULL, NULL },
    { "lua", { "lua_newstate", "lua_settop" },
      PROBE_STATELESS, NULL, PROBE_LUA_IDENT, "lua_ident", 2, NULL, NULL },
    { "perl", { "perl_alloc", "perl_parse" },
      PROBE_WORD, "PL_curinterp", PROBE_PERL, NULL, 2, NULL, NULL },
    { "tcl", { "Tcl_CreateInterp", "Tcl_EvalEx" },
      PROBE_NOTHING, NULL, PROBE_SONAME, NULL, 1, NULL, NULL },
    { "php", { "php_module_startup", "php_request_startup" },
      PROBE_WORD, "sapi_module", PROBE_SONAME, NULL, 2, NULL, NULL },
    { "java", { "JNI_CreateJavaVM", "JNI_GetCreatedJavaVMs" },
      PROBE_HOTSPOT, "gHotSpotVMStructs", PROBE_NOTHING, NULL, 0, NULL, NULL },
};

/* @size bytes of the datum @name, from @offset on; NULL if there is no such
 * definition or its bytes are not at hand (a file's .bss). */
static const unsigned char *datum(const struct world_object *object, const char *name,
                                  uint64_t offset, uint64_t size)
{
    struct elf_symbol symbol;
    struct elf_wanted wanted = { .name = name };
    if (!name || elf_lookup(&object->image, &wanted, &symbol) != ELF_FOUND)
        return NULL;
    return elf_image_at(&object->image, symbol.value + offset, size);
}

static bool word_of(const struct world_object *object, const char *name, uint64_t *value)
{
    const unsigned char *p = datum(object, name, 0, elf_word_size(&object->image));
    if (p)
        *value = elf_get_word(&object->image, p);
    return p != NULL;
}

/* 3.11 and 3.12 put one int before the five flags of which "initialized" is the
 * last; before 3.11 there were four; since 3.13 debug offsets come first, whose
 * size we do not know. Py_Version exists since 3.11. */
static enum graft_host_state python_state(const struct world_object *object)
{
    const unsigned char *version = datum(object, "Py_Version", 0, 4);
    uint32_t minor = version ? elf_get32(&object->image, version) >> 16 & 0xff : 0;
    if (minor >= 13)
        return GRAFT_STATE_UNKNOWN;
    const unsigned char *flag = datum(object, "_PyRuntime", minor ? 16 : 12, 4);
    if (!flag)
        return GRAFT_STATE_UNKNOWN;
    return elf_get32(&object->image, flag) ? GRAFT_STATE_INITIALISED : GRAFT_STATE_UNINITIALISED;
}

/* A string at a run-time address inside the object. */
static const char *text_at(const struct world_object *object, uint64_t address)
{
    uint64_t room = elf_image_room(&object->image, address - object->image.bias);
    const unsigned char *p = elf_image_at(&object->image, address - object->image.bias, 1);
    return p && memchr(p, 0, room < 64 ? room : 64) ? (const char *)p : NULL;
}

/* The serviceability tables list every static field with its address: the heap
 * exists once the VM does (src/hotspot/share/runtime/vmStructs.hpp). */
static enum graft_host_state hotspot_state(const struct world_object *object)
{
    uint64_t entry, stride, type, field, address;
    if (!word_of(object, "gHotSpotVMStructs", &entry)
        || !word_of(object, "gHotSpotVMStructEntryArrayStride", &stride)
        || !word_of(object, "gHotSpotVMStructEntryTypeNameOffset", &type)
        || !word_of(object, "gHotSpotVMStructEntryFieldNameOffset", &field)
        || !word_of(object, "gHotSpotVMStructEntryAddressOffset", &address) || !stride)
        return GRAFT_STATE_UNKNOWN;
    for (unsigned i = 0; i < 20000; i++, entry += stride) {
        const struct elf_span *hint = NULL;
        uint64_t type_name, field_name, where, value, at = entry - object->image.bias;
        if (!elf_slot_read(&object->image, &hint, at + type, &type_name) || !type_name
            || !elf_slot_read(&object->image, &hint, at + field, &field_name))
            return GRAFT_STATE_UNKNOWN;
        const char *t = text_at(object, type_name), *f = text_at(object, field_name);
        if (!t || !f || strcmp(t, "Universe") || strcmp(f, "_collectedHeap"))
            continue;
        if (!elf_slot_read(&object->image, &hint, at + address, &where)
            || !elf_slot_read(&object->image, &hint, where - object->image.bias, &value))
            return GRAFT_STATE_UNKNOWN;
        return value ? GRAFT_STATE_INITIALISED : GRAFT_STATE_UNINITIALISED;
    }
    return GRAFT_STATE_UNKNOWN;
}

static enum graft_host_state state_of(const struct world_object *object, const struct runtime *runtime)
{
    uint64_t value;
    if (runtime->state == PROBE_STATELESS)
        return GRAFT_STATE_NONE;
    if (!object->image.relocated)
        return GRAFT_STATE_UNKNOWN;
    switch (runtime->state) {
    case PROBE_PYTHON:
        return python_state(object);
    case PROBE_HOTSPOT:
        return hotspot_state(object);
    case PROBE_BYTE: {
        const unsigned char *p = datum(object, runtime->state_symbol, 0, 1);
        return !p ? GRAFT_STATE_UNKNOWN : *p ? GRAFT_STATE_INITIALISED : GRAFT_STATE_UNINITIALISED;
    }
    case PROBE_WORD:
        if (!word_of(object, runtime->state_symbol, &value))
            return GRAFT_STATE_UNKNOWN;
        return value ? GRAFT_STATE_INITIALISED : GRAFT_STATE_UNINITIALISED;
    default:
        return GRAFT_STATE_UNKNOWN;
    }
}

/* Copies the leading digits and dots of @text, of which @room bytes are readable. */
static void digits_copy(char version[32], const char *text, size_t room)
{
    size_t i = 0;
    while (i < 31 && i < room && ((text[i] >= '0' && text[i] <= '9') || text[i] == '.')) {
        version[i] = text[i];
        i++;
    }
    version[i] = '\0';
}

static void std_string_copy(const struct world_object *object, const char *name, char version[32])
{
    struct elf_symbol symbol;
    struct elf_wanted wanted = { .name = name };
    const unsigned char *p = datum(object, name, 0, 32);
    if (!p || elf_lookup(&object->image, &wanted, &symbol) != ELF_FOUND)
        return;
    uint64_t text = elf_get_word(&object->image, p), length = elf_get_word(&object->image, p + 8);
    if (text == object->image.bias + symbol.value + 16 && length < 16)
        digits_copy(version, (const char *)p + 16, length);
}

/* The first number in a name, with what its dots add: 8.6 of libtcl8.6.so, of tclsh8.6. */
static bool digits_of(char version[32], const char *name)
{
    const char *digit = name ? strpbrk(name, "0123456789") : NULL;
    if (!digit)
        return false;
    digits_copy(version, digit, strlen(digit));
    size_t length = strlen(version);
    if (length && version[length - 1] == '.')
        version[length - 1] = '\0';
    return true;
}

/* A libnode that does not run keeps no version to read, but its SONAME ends in the number
 * of its module interface, one for each major version (nodejs.org, abi_version_registry). */
static void node_of_soname(const char *soname, char version[32])
{
    static const struct { const char *interface, *node; } known[] = {
        { "64", "10" }, { "72", "12" }, { "83", "14" }, { "93", "16" }, { "102", "17" }, { "108", "18" }, { "111", "19" },
        { "115", "20" }, { "120", "21" }, { "127", "22" }, { "131", "23" }, { "137", "24" },
    };
    const char *number = soname ? strstr(soname, ".so.") : NULL;
    for (size_t i = 0; number && i < sizeof known / sizeof *known; i++)
        if (!strcmp(number + 4, known[i].interface))
            snprintf(version, 32, "%s", known[i].node);
}

static void version_of(const struct world_object *object, const struct runtime *runtime, char version[32])
{
    const unsigned char *p = datum(object, runtime->version_symbol, 0, 4);
    const unsigned char *major, *minor, *patch;
    version[0] = '\0';
    switch (runtime->version) {
    case PROBE_TEXT:
        if (p && (p = datum(object, runtime->version_symbol, 0, 12)))
            digits_copy(version, (const char *)p, 12);
        break;
    case PROBE_LUA_IDENT:
        p = datum(object, runtime->version_symbol, 0, 24);
        if (p && !memcmp(p, "$Lua", 4)) {
            const unsigned char *digit = memchr(p, '5', 24);
            if (digit)
                digits_copy(version, (const char *)digit, (size_t)(p + 24 - digit));
        }
        break;
    case PROBE_PYTHON_HEX:
        if (p) {
            uint32_t hex = elf_get32(&object->image, p);
            snprintf(version, 32, "%u.%u.%u", hex >> 24, hex >> 16 & 0xff, hex >> 8 & 0xff);
        }
        break;
    case PROBE_STD_STRING:
        std_string_copy(object, runtime->version_symbol, version);
        if (!version[0])
            node_of_soname(object->image.soname, version);
        break;
    case PROBE_PERL:
        major = datum(object, "PL_revision", 0, 1);
        minor = datum(object, "PL_version", 0, 1);
        patch = datum(object, "PL_subversion", 0, 1);
        if (major && minor && patch)
            snprintf(version, 32, "%u.%u.%u", *major, *minor, *patch);
        break;
    case PROBE_SONAME:
        if (!digits_of(version, object->image.soname))
            digits_of(version, text_basename(object->path));
        break;
    default:
        break;
    }
}

/* How many of the runtime's anchors @object defines: all, or, where it exports
 * only a subset of itself, some. A stand-in only hands addresses on (SHN_ABS). */
static size_t anchors(const struct world_object *object, const struct runtime *runtime)
{
    size_t found = 0;
    for (size_t i = 0; i < 3 && runtime->anchor[i]; i++) {
        struct elf_symbol symbol;
        struct elf_wanted wanted = { .name = runtime->anchor[i] };
        found += elf_lookup(&object->image, &wanted, &symbol) == ELF_FOUND && symbol.section != SHN_ABS;
    }
    return found;
}

static bool defines(const struct world_object *object, const struct runtime *runtime)
{
    return anchors(object, runtime) == 2 + (runtime->anchor[2] != NULL);
}

static void describe(const struct world_object *object, const struct runtime *runtime,
                     struct graft_runtime *found)
{
    found->tag = runtime->tag;
    found->state = state_of(object, runtime);
    found->duplicate = 0;
    version_of(object, runtime, found->version);
}

size_t runtime_scan(const struct world *world, size_t i, struct graft_runtime found[GRAFT_RUNTIMES_MAX])
{
    const struct world_object *object = world_object(world, i);
    size_t count = 0;
    if (object->broken)
        return 0;
    for (size_t r = 0; r < sizeof runtimes / sizeof *runtimes && count < GRAFT_RUNTIMES_MAX; r++)
        if (defines(object, &runtimes[r]))
            describe(object, &runtimes[r], &found[count++]);
    return count;
}

static const struct runtime *by_tag(const char *tag)
{
    size_t r = 0;
    while (r < sizeof runtimes / sizeof *runtimes - 1 && strcmp(runtimes[r].tag, tag))
        r++;
    return &runtimes[r];
}

bool runtime_find(const struct world *world, size_t i, const char *tag, struct graft_runtime *found)
{
    const struct world_object *object = world_object(world, i);
    if (object->broken || !anchors(object, by_tag(tag)))
        return false;
    describe(object, by_tag(tag), found);
    return true;
}

/* The one object outside @except that exports only a subset of the runtime. */
static size_t partial_host(const struct world *world, const char *tag, const unsigned char *except, size_t *count)
{
    size_t last = WORLD_NONE;
    *count = 0;
    for (size_t i = 0; i < world->objects.count; i++)
        if (!(except && except[i]) && !world_object(world, i)->broken
            && anchors(world_object(world, i), by_tag(tag))) {
            last = i;
            (*count)++;
        }
    return *count == 1 ? last : WORLD_NONE;
}

size_t runtime_host(const struct world *world, const char *tag, const unsigned char *except, size_t *count)
{
    size_t live = 0, all = 0, last_live = WORLD_NONE, last = WORLD_NONE;
    struct graft_runtime found;
    for (size_t i = 0; i < world->objects.count; i++) {
        if ((except && except[i]) || world_object(world, i)->broken
            || !defines(world_object(world, i), by_tag(tag)))
            continue;
        runtime_find(world, i, tag, &found);
        last = i;
        all++;
        if (found.state == GRAFT_STATE_INITIALISED) {
            last_live = i;
            live++;
        }
    }
    if (!all)
        return partial_host(world, tag, except, count);
    *count = live ? live : all;
    if (live)
        return live == 1 ? last_live : WORLD_NONE;
    return all == 1 ? last : WORLD_NONE;
}

bool runtime_is_here(const struct world *here, const struct world *files, size_t object)
{
    struct graft_runtime found[GRAFT_RUNTIMES_MAX];
    size_t n = runtime_scan(files, object, found), count = 0;
    for (size_t i = 0; i < n && !count; i++)
        runtime_host(here, found[i].tag, NULL, &count);
    return count > 0;
}

/* ---- which of two versions may stand for the other ---------------------------------------- */

static bool numbers_agree(const char *a, const char *b, unsigned count)
{
    for (; count; count--) {
        size_t n = strspn(a, "0123456789"), m = strspn(b, "0123456789");
        if (!n || n != m || strncmp(a, b, n))
            return false;
        a += n + (a[n] == '.');
        b += m + (b[m] == '.');
    }
    return true;
}

bool runtime_versions_agree(const char *tag, const char *a, const char *b)
{
    return numbers_agree(a, b, by_tag(tag)->digits);
}

bool runtime_is_stable(const char *tag, const char *name)
{
    const struct runtime *runtime = by_tag(tag);
    return runtime->stable && text_glob_list(runtime->stable, name);
}

bool runtime_is_beside(const char *tag, const char *name)
{
    const struct runtime *runtime = by_tag(tag);
    return runtime->beside && text_glob_list(runtime->beside, name);
}

size_t runtime_anchors(size_t row, const char **tag, const char *anchor[3])
{
    if (row >= sizeof runtimes / sizeof *runtimes)
        return 0;
    *tag = runtimes[row].tag;
    size_t count = 0;
    while (count < 3 && runtimes[row].anchor[count]) {
        anchor[count] = runtimes[row].anchor[count];
        count++;
    }
    return count;
}
