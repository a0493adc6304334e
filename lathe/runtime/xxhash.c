/* xxHash64 as its specification gives it (XXH64, Yann Collet, 2012). */
#include <string.h>

#include "plan.h"

static const uint64_t P1 = 0x9E3779B185EBCA87u, P2 = 0xC2B2AE3D27D4EB4Fu, P3 = 0x165667B19E3779F9u,
                      P4 = 0x85EBCA77C2B2AE63u, P5 = 0x27D4EB2F165667C5u;

static uint64_t rotate(uint64_t x, int bits) { return (x << bits) | (x >> (64 - bits)); }
static uint64_t read64(const unsigned char* p) {
  uint64_t x;
  memcpy(&x, p, 8);
  return x;
}
static uint32_t read32(const unsigned char* p) {
  uint32_t x;
  memcpy(&x, p, 4);
  return x;
}
static uint64_t mix(uint64_t lane, uint64_t input) { return rotate(lane + input * P2, 31) * P1; }
static uint64_t merge(uint64_t hash, uint64_t lane) { return (hash ^ mix(0, lane)) * P1 + P4; }

uint64_t lathe_xxhash64(const void* data, uint64_t bytes, uint64_t seed) {
  const unsigned char *p = bytes ? data : (const void*)"", *end = p + bytes; /* an empty file is not mapped */
  uint64_t hash = seed + P5;
  if (bytes >= 32) {
    uint64_t a = seed + P1 + P2, b = seed + P2, c = seed, d = seed - P1;
    for (; end - p >= 32; p += 32) {
      a = mix(a, read64(p));
      b = mix(b, read64(p + 8));
      c = mix(c, read64(p + 16));
      d = mix(d, read64(p + 24));
    }
    hash = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
    hash = merge(merge(merge(merge(hash, a), b), c), d);
  }
  hash += bytes;
  for (; end - p >= 8; p += 8) hash = rotate(hash ^ mix(0, read64(p)), 27) * P1 + P4;
  if (end - p >= 4) {
    hash = rotate(hash ^ read32(p) * P1, 23) * P2 + P3;
    p += 4;
  }
  for (; p < end; ++p) hash = rotate(hash ^ *p * P5, 11) * P1;
  hash = (hash ^ (hash >> 33)) * P2;
  hash = (hash ^ (hash >> 29)) * P3;
  return hash ^ (hash >> 32);
}
