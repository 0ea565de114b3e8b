/* SPDX-License-Identifier: MIT */
/* root needs l and r, l needs ll; r and ll define bfs_where. */
#include "module.h"
#ifdef WHERE
int bfs_where(void) { return WHERE; }
#endif
int JOIN(JOIN(bfs_, NAME), _only)(void) { return sizeof TEXT(NAME); }
