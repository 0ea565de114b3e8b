/* SPDX-License-Identifier: MIT */
/* SHA-256 by nettle, which uses the processor's own instructions for it. Invariant: all
 * digests of modules are made here. */

#include <nettle/sha2.h>

#include "lift/sha256.h"

void sha256(const void *bytes, size_t size, uint8_t digest[32])
{
    struct sha256_ctx context;
    sha256_init(&context);
    sha256_update(&context, size, bytes);
    sha256_digest(&context, SHA256_DIGEST_SIZE, digest);
}
