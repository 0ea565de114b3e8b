/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LIFT_SHA256_H
#define GRAFT_LIFT_SHA256_H

/* SHA-256 (FIPS 180-4) of bytes in memory. */

#include <stddef.h>
#include <stdint.h>

void sha256(const void *bytes, size_t size, uint8_t digest[32]);

#endif
