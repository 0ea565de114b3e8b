/* SPDX-License-Identifier: MIT */
#ifndef IO_LEDGER_H
#define IO_LEDGER_H

/* Whom each descriptor belongs to, and what was counted for it. Without locks and
 * without malloc: any thread, a signal handler, a fork's child. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum account_kind { ACCOUNT_FILE = 'f', ACCOUNT_PEER = 'p', ACCOUNT_OTHER = 'o' };

enum { ACCOUNT_ERRORS = 8 };

typedef _Atomic unsigned long tally;

/* A file, the other side of a connection, or what is neither. */
struct account {
    _Atomic(const char *) name;
    enum account_kind kind;
    struct counts {
        tally opens, connected, accepted, reads, read_bytes, writes, written_bytes, maps, mapped_bytes;
        tally stdio_in, stdio_out;
        struct { _Atomic int error; tally count; } failed[ACCOUNT_ERRORS];
        tally failed_otherwise;     /* with an error that found no place */
    } counts;
};

bool ledger_begin(void);

/* In a fork's child: counts start anew, descriptors are what they were. */
void ledger_child(void);

/* The account of that name, made if need be; NULL without memory. */
struct account *ledger_account(enum account_kind, const char *name);

/* Of a descriptor: set when it is opened, NULL when it is closed or must be asked for;
 * ledger_of asks the kernel if nothing is set. NULL: no such descriptor. A vfork's
 * child, whose descriptors are its own and whose memory is not, changes nothing. */
void ledger_set(int fd, struct account *);
void ledger_clear(unsigned first, unsigned last);
struct account *ledger_of(int fd);

/* Whether this is a vfork's child: what it does is not counted. */
bool ledger_is_foreign(void);

void ledger_fail(struct account *, int error);

/* Every account, in no order. */
void ledger_each(void (*each)(struct account *, void *arg), void *arg);

static inline void ledger_add(tally *to, unsigned long amount)
{
    atomic_fetch_add_explicit(to, amount, memory_order_relaxed);
}

#endif
