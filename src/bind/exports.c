/* SPDX-License-Identifier: MIT */
/* The symbol values that hooks have changed, for planners, who want those that the
 * loader was given. Invariant: the list has room before a value is written, and is true
 * again before the visit that wrote it ends.
 *
 * State: the list, under the journal's lock, read in visits only. */

#include "bind/exports.h"

#include <elf.h>
#include <stddef.h>
#include <string.h>

#include "bind/chain.h"
#include "live/live.h"

/* The symbol values that were changed, for planners. */
static struct { struct elf_patches list; struct elf_patch *patch; size_t room; } exports;

static void add_patch(const struct journal_edit *edit)
{
    const unsigned char *at = (const unsigned char *)edit->slot->address - offsetof(Elf64_Sym, st_value);
    size_t i = exports.list.count++;
    for (; i > 0 && exports.patch[i - 1].at > at; i--)
        exports.patch[i] = exports.patch[i - 1];
    exports.patch[i] = (struct elf_patch){ at, edit->before };
}

bool exports_reserve(size_t more)
{
    size_t need = exports.list.count + more;
    if (need <= exports.room)
        return true;
    struct elf_patch *bigger = journal_keep(2 * need * sizeof *bigger);
    if (!bigger)
        return false;
    if (exports.list.count)
        memcpy(bigger, exports.patch, exports.list.count * sizeof *bigger);
    if (!exports.patch)
        live_show_patches(&exports.list);
    exports.patch = bigger;
    exports.list.patch = bigger;
    exports.room = 2 * need;
    return true;
}

void exports_list(void)
{
    if (!exports.patch)
        return;
    exports.list.count = 0;
    for (const struct function *f = function_first(); f; f = f->next)
        for (const struct chain *c = f->chains; c; c = c->next)
            for (const struct journal_edit *e = c->edits; e; e = e->next_in_chain)
                if (e->exported && exports.list.count < exports.room)
                    add_patch(e);
}
