/* SPDX-License-Identifier: MIT */
/* Separate debug files. Invariant: a file is handed out only if it proves to belong to
 * the object: by its build-id, or by the CRC that the object's link has. Compressed ones
 * (.gnu_debugdata) and debuginfod are left out. */

#include "file/debug.h"

#include <string.h>

#include "base/error.h"
#include "elf/section.h"

#define BELOW_ROOT "/usr/lib/debug"

/* ---- CRC ------------------------------------------------------------------------ */

uint32_t debug_crc32(const void *bytes, size_t size)
{
    uint32_t table[256], crc = UINT32_MAX;
    const unsigned char *p = bytes;
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++)
            table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320 : 0);
    }
    for (size_t i = 0; i < size; i++)
        crc = crc >> 8 ^ table[(crc ^ p[i]) & 0xff];
    return ~crc;
}

/* ---- candidates ------------------------------------------------------------------- */

/* What the file must be. A CRC alone is for objects and files that have no build-id: it
 * says only that the file is the one that was meant when the object was stripped. */
struct proof {
    const uint8_t *build_id;
    size_t build_id_size;
    bool by_crc;
    uint32_t crc;
};

static bool proves(const struct mapping *mapping, const struct proof *proof)
{
    struct elf_sections sections;
    uint8_t id[ELF_BUILD_ID_MAX];
    size_t size = elf_sections_open(&sections, mapping->bytes, mapping->size, NULL) ? 0 : elf_sections_build_id(&sections, id);
    if (proof->by_crc && (!proof->build_id_size || !size))
        return debug_crc32(mapping->bytes, mapping->size) == proof->crc;
    return size && size == proof->build_id_size && !memcmp(id, proof->build_id, size)
        && (!proof->by_crc || debug_crc32(mapping->bytes, mapping->size) == proof->crc);
}

/* Joins up to the NULL; false: too long. */
static bool join(char path[PATH_MAX], const char *const parts[])
{
    size_t length = 0;
    path[0] = '\0';
    for (; *parts; parts++) {
        size_t size = strlen(*parts);
        if (size >= PATH_MAX - length)
            return false;
        memcpy(path + length, *parts, size + 1);
        length += size;
    }
    return true;
}

static bool try(struct debug_file *debug, const struct proof *proof, const char *const parts[])
{
    if (!join(debug->path, parts) || mapping_open(&debug->mapping, debug->path, NULL))
        return false;
    if (proves(&debug->mapping, proof))
        return true;
    mapping_close(&debug->mapping);
    return false;
}

/* ---- places ------------------------------------------------------------------------- */

static bool by_build_id(struct debug_file *debug, const char *root, const struct elf_image *image)
{
    static const char digits[] = "0123456789abcdef";
    char first[3] = "", rest[2 * ELF_BUILD_ID_MAX + 1] = "";
    const struct proof proof = { .build_id = image->build_id, .build_id_size = image->build_id_size };
    for (size_t i = 0; i < image->build_id_size; i++) {
        char *to = i ? rest + 2 * (i - 1) : first;
        to[0] = digits[image->build_id[i] >> 4];
        to[1] = digits[image->build_id[i] & 15];
    }
    const char *const parts[] = { root, BELOW_ROOT "/.build-id/", first, "/", rest, ".debug", NULL };
    return image->build_id_size > 1 && try(debug, &proof, parts);
}

static bool by_link(struct debug_file *debug, const char *root, const char *path, const struct elf_image *image,
                    const void *bytes, size_t size)
{
    struct elf_sections sections;
    struct proof proof = { .by_crc = true, .build_id = image->build_id, .build_id_size = image->build_id_size };
    char folder[PATH_MAX];
    const char *name, *slash = strrchr(path, '/');
    if (elf_sections_open(&sections, bytes, size, NULL) || !elf_debuglink(&sections, &name, &proof.crc)
        || strchr(name, '/') || !slash || (size_t)(slash - path) >= PATH_MAX)
        return false;
    memcpy(folder, path, (size_t)(slash - path));
    folder[slash - path] = '\0';
    return try(debug, &proof, (const char *const[]){ root, folder, "/", name, NULL })
        || try(debug, &proof, (const char *const[]){ root, folder, "/.debug/", name, NULL })
        || try(debug, &proof, (const char *const[]){ root, BELOW_ROOT, folder, "/", name, NULL });
}

int debug_open(struct debug_file *debug, const char *root, const char *path, const struct elf_image *image,
               const void *bytes, size_t size, struct graft_error *error)
{
    debug->mapping = (struct mapping){ 0 };
    if (by_build_id(debug, root, image) || by_link(debug, root, path, image, bytes, size))
        return 0;
    debug->path[0] = '\0';
    return error_about(error, GRAFT_ENOOBJ, path, "", "%s: no separate debug file", path);
}

void debug_close(struct debug_file *debug)
{
    mapping_close(&debug->mapping);
    debug->path[0] = '\0';
}
