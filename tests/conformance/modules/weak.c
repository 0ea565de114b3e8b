/* SPDX-License-Identifier: MIT */
/* What may be missing. */
__attribute__((weak)) int weak_nobody(void);
__attribute__((weak)) extern int weak_nothing;
__attribute__((weak)) int main_value(void);
int weak_function(void) { return weak_nobody ? weak_nobody() : 0; }
int weak_data(void) { return &weak_nothing ? weak_nothing : 0; }
int weak_main(void) { return main_value ? main_value() : 0; }
