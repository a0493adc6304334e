/* plan.bin: what to run and where everything lies. Little-endian, records of fixed size, in this order:
 *   lathe_plan_header, tensors (inputs, then outputs), buffers, dims, operations, arguments, fills, strings
 * and at the end the xxhash64 of all before it. Strings are offsets into the last part, each ended by a zero.
 */
#ifndef LATHE_PLAN_H
#define LATHE_PLAN_H
#include <stdint.h>

#define LATHE_PLAN_MAGIC "LATHEPLN"

typedef struct {
  char magic[8];
  uint32_t abi;
  uint32_t isa; /* 0 SSE4.1, 1 AVX2 + FMA, 2 AVX-512 F/BW/DQ/VL/CD, 3 with VNNI */
  uint64_t arena_bytes, io_bytes, params_bytes, params_hash, module_bytes, module_hash;
  uint32_t num_inputs, num_outputs, num_buffers, num_dims, num_operations, num_arguments, num_fills,
      strings_bytes;
} lathe_plan_header;

typedef struct {
  uint32_t name, dtype; /* strings */
  uint32_t rank, element_bytes;
  int64_t shape[8];
  uint64_t offset; /* in the session's input/output memory */
} lathe_plan_tensor;

enum { LATHE_ARENA = 0, LATHE_IO = 1, LATHE_PARAMS = 2 };

/* A view of memory: `rank` dims from `first_dim` on, innermost first; `offset` is that of the element at all
 * mins. */
typedef struct {
  uint32_t place, type_code, type_bits, rank, first_dim, reserved; /* codes: 0 signed, 1 unsigned, 2 float */
  uint64_t offset;
} lathe_plan_buffer;

typedef struct {
  int32_t min, extent, stride; /* in elements */
} lathe_plan_dim;

/* Calls kernel(arguments…); the last num_outputs of them are written. It may be cut along dimension split_dim
 * of its outputs, in multiples of `granule`, into pieces that run side by side. */
typedef struct {
  uint32_t kernel, source; /* strings */
  uint32_t first_argument, num_arguments, num_outputs;
  int32_t split_dim; /* -1: never cut */
  uint32_t granule;
  uint32_t first_fill, num_fills; /* done before it */
  uint32_t reserved;
  double flops, bytes;
} lathe_plan_operation;

/* Sets `count` runs of `bytes` bytes, `stride` bytes apart, in the arena to `value`. */
typedef struct {
  uint64_t offset, bytes, stride, count, value;
} lathe_plan_fill;

uint64_t lathe_xxhash64(const void* data, uint64_t bytes, uint64_t seed);

#endif
