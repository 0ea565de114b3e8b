/* SPDX-License-Identifier: MIT */
int hundred_opened;
