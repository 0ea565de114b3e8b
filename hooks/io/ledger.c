/* SPDX-License-Identifier: MIT */
/* Accounts by name, and by descriptor. Invariant: a descriptor's place is changed by
 * the call that opens or closes it, before the number can be another's; what was opened
 * where no hook looks is looked up once, when it is first used. */
#include "ledger.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/table.h"
#include "names.h"

/* As many as the kernel's default limit of a process (fs.nr_open). Untouched pages cost
 * nothing. A descriptor beyond is asked for at each use. */
enum { DESCRIPTORS = 1 << 20, TEXT_PAGE = 1 << 16 };

static struct table accounts = TABLE_BY_TEXT(struct account);
static _Atomic(struct account *) *descriptors;
static _Atomic int highest = -1;    /* that was ever set */
static pid_t process;

static struct text_page {
    size_t size;
    _Atomic size_t used;
    char text[];
} *_Atomic texts;

static void *map(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

bool ledger_begin(void)
{
    process = getpid();
    descriptors = map(DESCRIPTORS * sizeof *descriptors);
    return descriptors;
}

bool ledger_is_foreign(void)
{
    return getpid() != process;
}

/* Kept for good. A page that two threads make at once is lost to one of them. */
static const char *keep(const char *text)
{
    size_t size = strlen(text) + 1;
    struct text_page *page = texts;
    size_t at = page ? atomic_fetch_add(&page->used, size) : 0;
    if (!page || at + size > page->size) {
        size_t room = size > TEXT_PAGE / 2 ? size : TEXT_PAGE - sizeof *page;
        page = map(sizeof *page + room);
        if (!page)
            return "?";
        page->size = room;
        page->used = size;
        texts = page;
        at = 0;
    }
    return memcpy(page->text + at, text, size);
}

struct account *ledger_account(enum account_kind kind, const char *name)
{
    char key[NAME_ROOM + 1];
    bool is_new;
    key[0] = (char)kind;
    strcpy(key + 1, name);
    struct account *account = table_at_text(&accounts, key, &is_new);
    if (account && is_new) {
        account->kind = kind;
        account->name = keep(name);
    }
    return account;
}

static bool has_place(int fd)
{
    return fd >= 0 && fd < DESCRIPTORS;
}

/* Instead of what @before is, if that is given. */
static void set(int fd, struct account *account, struct account **before)
{
    if (!has_place(fd) || ledger_is_foreign())
        return;
    for (int seen = highest; account && seen < fd;)
        if (atomic_compare_exchange_weak(&highest, &seen, fd))
            break;
    if (before)
        atomic_compare_exchange_strong(&descriptors[fd], before, account);
    else
        descriptors[fd] = account;
}

void ledger_set(int fd, struct account *account)
{
    set(fd, account, NULL);
}

void ledger_clear(unsigned first, unsigned last)
{
    if (ledger_is_foreign())
        return;
    int top = highest;
    for (int fd = top >= 0 && last < (unsigned)top ? (int)last : top; fd >= 0 && (unsigned)fd >= first; fd--)
        descriptors[fd] = NULL;
}

/* Of two threads, one that opens the number anew is right. */
struct account *ledger_of(int fd)
{
    char name[NAME_ROOM];
    struct account *nobody = NULL;
    struct account *account = has_place(fd) ? atomic_load_explicit(&descriptors[fd], memory_order_acquire) : NULL;
    if (account || fd < 0)
        return account;
    int kind = name_descriptor(fd, name);
    account = kind ? ledger_account((enum account_kind)kind, name) : NULL;
    set(fd, account, &nobody);
    return account;
}

void ledger_fail(struct account *account, int error)
{
    for (int i = 0; account && i < ACCOUNT_ERRORS; i++) {
        int there = 0;
        if (atomic_compare_exchange_strong(&account->counts.failed[i].error, &there, error) || there == error) {
            ledger_add(&account->counts.failed[i].count, 1);
            return;
        }
    }
    if (account)
        ledger_add(&account->counts.failed_otherwise, 1);
}

struct walk {
    void (*each)(struct account *, void *);
    void *arg;
};

static int step(uintptr_t key, void *value, void *arg)
{
    struct account *account = value;
    (void)key;
    if (account->name)
        ((struct walk *)arg)->each(account, ((struct walk *)arg)->arg);
    return 0;
}

void ledger_each(void (*each)(struct account *, void *), void *arg)
{
    table_each(&accounts, step, &(struct walk){ each, arg });
}

static void forget(struct account *account, void *arg)
{
    (void)arg;
    memset(&account->counts, 0, sizeof account->counts);
}

void ledger_child(void)
{
    process = getpid();
    ledger_each(forget, NULL);
}
