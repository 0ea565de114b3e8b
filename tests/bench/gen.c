/* SPDX-License-Identifier: MIT */
/* Writes the assembler source of one library of the benchmark set, or of a twin.
 * Deterministic: the same numbers give the same bytes.
 *
 *   gen INDEX SYMS TWIN > FILE.s
 *   gen small SYMS TWIN > FILE.s
 *
 * Library INDEX exports SYMS functions and imports SYMS functions: eight of the
 * small library, the rest of libraries with a lower index: a quarter of library 0,
 * the others of up to eight more (library 1: all of library 0). Half are called
 * through the PLT (JUMP_SLOT), half through the GOT (GLOB_DAT). Library 0, the
 * small one and the twins import nothing. The first line names the numbers it
 * needs, for gen.sh. x86-64. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NEIGHBOURS = 8, SMALL = 8, SMALL_LIBRARY = 1000 };

/* Names as a C library of size has them: shared prefixes, 20 to 30 characters. */
static const char *const subsystems[] = {
    "buffer", "stream", "parser", "config", "module", "object", "thread", "handle",
    "string", "vector", "memory", "signal", "socket", "filter", "record", "symbol"
};
static const char *const verbs[] = {
    "init", "free", "read", "write", "find", "append", "remove", "update"
};

static uint64_t state;

static unsigned random_below(unsigned bound)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((state >> 33) % bound);
}

static void print_name(unsigned library, unsigned symbol)
{
    if (library == SMALL_LIBRARY)
        printf("small_");
    else
        printf("lib%03u_", library);
    printf("%s_%s_%04u", subsystems[symbol % 16], verbs[symbol / 16 % 8], symbol);
}

/* A leaf answers 1, the twin's 2^32 + 1: sums tell how many calls reached it. */
static void print_exports(unsigned index, unsigned symbols, int twin)
{
    for (unsigned i = 0; i < symbols; i++) {
        printf("\t.globl ");
        print_name(index, i);
        printf("\n\t.type ");
        print_name(index, i);
        printf(", @function\n");
        print_name(index, i);
        puts(twin ? ":\tmovabs $0x100000001, %rax\n\tret" : ":\tmov $1, %eax\n\tret");
        printf("\t.size ");
        print_name(index, i);
        printf(", . - ");
        print_name(index, i);
        putchar('\n');
    }
}

/* No import twice: a function that is both called and taken would have one slot. */
static unsigned take_symbol(char *taken, unsigned library_slot, unsigned symbols)
{
    unsigned symbol = random_below(symbols);
    while (taken[library_slot * symbols + symbol])
        symbol = (symbol + 1) % symbols;
    taken[library_slot * symbols + symbol] = 1;
    return symbol;
}

static void print_call(unsigned library, unsigned symbol, int through_got)
{
    printf(through_got ? "\tcall *" : "\tcall ");
    print_name(library, symbol);
    puts(through_got ? "@GOTPCREL(%rip)\n\tadd %rax, %rbx" : "@PLT\n\tadd %rax, %rbx");
}

static void print_imports(unsigned index, unsigned symbols, const unsigned *needed, unsigned count)
{
    char *taken = calloc(count ? count : 1, symbols);
    if (!taken)
        exit(1);
    for (unsigned i = 0; index && i < symbols && i < SMALL; i++)
        print_call(SMALL_LIBRARY, i, i & 1);
    for (unsigned i = SMALL; index && i < symbols; i++) {
        unsigned from = count == 1 || i % 4 == 0 ? 0 : 1 + random_below(count - 1);
        unsigned symbol = take_symbol(taken, from, symbols);
        print_call(needed[from], symbol, i & 1);
    }
    free(taken);
}

/* Library 0 first, then distinct ones below @index. */
static unsigned choose_needed(unsigned index, unsigned *needed)
{
    unsigned count = 0;
    if (index)
        needed[count++] = 0;
    for (unsigned tries = 0; index > 1 && tries < 4 * NEIGHBOURS && count <= NEIGHBOURS; tries++) {
        unsigned candidate = 1 + random_below(index - 1), i = 0;
        while (i < count && needed[i] != candidate)
            i++;
        if (i == count)
            needed[count++] = candidate;
    }
    return count;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return fputs("usage: gen INDEX SYMS TWIN\n", stderr), 2;
    int small = !strcmp(argv[1], "small");
    unsigned index = small ? SMALL_LIBRARY : (unsigned)atoi(argv[1]);
    unsigned symbols = small ? SMALL : (unsigned)atoi(argv[2]);
    int twin = atoi(argv[3]);
    unsigned needed[NEIGHBOURS + 1];

    state = index * 0x9e3779b97f4a7c15u + 1;
    unsigned count = small ? 0 : choose_needed(index, needed);
    printf("# needs:");
    for (unsigned i = 0; i < count; i++)
        printf(" %03u", needed[i]);
    puts("\n\t.text");
    print_exports(index, symbols, twin);
    if (small)
        return puts("\t.section .note.GNU-stack, \"\", @progbits"), 0;
    /* uint64_t libNNN_sum(void): calls every import once. */
    printf("\t.globl lib%03u_sum\n\t.type lib%03u_sum, @function\nlib%03u_sum:\n", index, index, index);
    puts("\tpush %rbx\n\txor %ebx, %ebx");
    print_imports(index, symbols, needed, count);
    printf("\tmov %%rbx, %%rax\n\tpop %%rbx\n\tret\n\t.size lib%03u_sum, . - lib%03u_sum\n", index, index);
    puts("\t.section .note.GNU-stack, \"\", @progbits");
    return 0;
}
