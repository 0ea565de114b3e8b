/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_COMPAT_PLTHOOK_H
#define GRAFT_COMPAT_PLTHOOK_H

/* plthook's interface over graft: hooks on the calls that one object makes.
 *
 *      cc program.c $(pkg-config --cflags --libs graft-compat)
 *
 * Names, values and meanings are plthook's; docs/guide/compat.md says what is done
 * otherwise, and why. New programs use <graft/graft.h>. */

#ifdef __cplusplus
extern "C" {
#endif

/* What the functions return. plthook_error has the words. */
#define PLTHOOK_SUCCESS             0
#define PLTHOOK_FILE_NOT_FOUND      1
#define PLTHOOK_INVALID_FILE_FORMAT 2
#define PLTHOOK_FUNCTION_NOT_FOUND  3
#define PLTHOOK_INVALID_ARGUMENT    4
#define PLTHOOK_OUT_OF_MEMORY       5
#define PLTHOOK_INTERNAL_ERROR      6
#define PLTHOOK_NOT_IMPLEMENTED     7

/* One loaded object, opened. Use one from one thread at a time; different ones from
 * any thread. */
typedef struct plthook plthook_t;

/* A slot of that object. The name lives as long as the object is loaded. */
typedef struct plthook_entry {
    const char *name;
    void **addr;
} plthook_entry_t;

/* Opens a loaded object: by the name that dlopen would take (NULL: the program), by a
 * handle from dlopen, or by any address inside it. Nothing is loaded, and the object is
 * not kept loaded. PLTHOOK_FILE_NOT_FOUND where there is none. */
int plthook_open(plthook_t **plthook_out, const char *filename);
int plthook_open_by_handle(plthook_t **plthook_out, void *handle);
int plthook_open_by_address(plthook_t **plthook_out, void *address);

/* The next slot, those of the PLT first. *pos is 0 at the start. 0 while there is one,
 * EOF (-1) after the last. A slot that is not resolved yet holds the address of its
 * PLT entry. @prot receives the PROT_… bits of the slot's page. */
int plthook_enum(plthook_t *plthook, unsigned int *pos, const char **name_out, void ***addr_out);
int plthook_enum_with_prot(plthook_t *plthook, unsigned int *pos, const char **name_out, void ***addr_out,
                           int *prot);
int plthook_enum_entry(plthook_t *plthook, unsigned int *pos, plthook_entry_t *entry);

/* Sends the object's calls of @funcname (or funcname@VERSION) to @funcaddr; *oldfunc
 * (NULL is allowed) is what they reached before, which may always be called. With a
 * value that was given back so before, takes out what came after it. */
int plthook_replace(plthook_t *plthook, const char *funcname, void *funcaddr, void **oldfunc);

/* Frees what open returned. Replacements stay. */
void plthook_close(plthook_t *plthook);

/* What the calling thread's last failure was about; "" if there was none. */
const char *plthook_error(void);

#ifdef __cplusplus
}
#endif
#endif
