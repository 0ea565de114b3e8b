/* SPDX-License-Identifier: MIT */
/* A small runtime with versions: every answer tells which copy (WHO) it came from. Its
 * users include none of it; the names are those of loader.c. */

int rt_who(void);
int rt_pick_old(void);
int rt_pick_new(void);
extern int rt_datum;
extern int rt_late_datum;
extern __thread int rt_thread;

int rt_who(void) { return WHO; }
int rt_datum = WHO;
__thread int rt_thread = WHO;

#if VERSIONED
/* Two definitions of one name: the older one is what a reference without version means. */
int rt_pick_old(void) { return WHO * 10 + 1; }
int rt_pick_new(void) { return WHO * 10 + 2; }
__asm__(".symver rt_pick_old,rt_pick@RT_1\n.symver rt_pick_new,rt_pick@@RT_2");

/* Only as a version that is not the default and not the oldest: nothing but a reference
 * with that version finds it. */
int rt_late_datum = WHO;
__asm__(".symver rt_late_datum,rt_late@RT_2");
#endif
