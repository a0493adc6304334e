/* What one call of oneDNN computes. `lathe compile` writes it into a parameter, the kernel in
 * external_onednn_kernel.c, which is part of compiled modules, reads it. All sizes in elements. */
#ifndef LATHE_EXTERNAL_ONEDNN_H
#define LATHE_EXTERNAL_ONEDNN_H
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LATHE_ONEDNN_AXES = 5, LATHE_ONEDNN_SPATIAL = 3, LATHE_ONEDNN_MOST_AFTER = 4 };

typedef enum {
  LATHE_ONEDNN_CONVOLUTION, /* weights [O, I / groups, k…] */
  LATHE_ONEDNN_TRANSPOSED,  /* weights [I, O / groups, k…] */
  LATHE_ONEDNN_PRODUCT      /* x [B?, M, K] times constant weights [N, K], or times a value [B?, K, N] */
} lathe_onednn_kind;

/* Done to the result, in order: the sum with another value of its shape (algorithm 0), or an element-wise
 * function. */
typedef struct {
  int32_t algorithm; /* dnnl_alg_kind_t */
  float alpha, beta;
} lathe_onednn_after;

/* The kernel's arguments: this, x, weights, bias if there is one, the values of sums, y. */
typedef struct {
  uint64_t id; /* hash of the rest and of the constants: calls of equal ids are one */
  int32_t kind, rank;
  /* batch, channels, spatial axes; of a product: batch if there is one, rows, columns */
  int32_t x[LATHE_ONEDNN_AXES], y[LATHE_ONEDNN_AXES];
  int32_t x_block, y_block; /* channels lie in whole blocks of so many, the innermost axis; 1: row-major */
  int32_t groups;
  int32_t kernel[LATHE_ONEDNN_SPATIAL], stride[LATHE_ONEDNN_SPATIAL], dilation[LATHE_ONEDNN_SPATIAL],
      padding[LATHE_ONEDNN_SPATIAL]; /* before the first; behind the last there is as much as y wants */
  int32_t weight_batch;              /* of a product with a value; 0: the weights are constant */
  int32_t has_bias;
  int32_t split_axis,
      split_dim; /* axis of y of which a call may make a part, and the same as the buffer counts; -1 */
  int32_t num_after;
  lathe_onednn_after after[LATHE_ONEDNN_MOST_AFTER];
} lathe_onednn_call;

/* The name of oneDNN's code on this processor ("jit:avx2") for a call that makes the first `count` along the
 * split axis, or all if there is none; "" if it has no code. */
typedef struct {
  char text[64];
} lathe_onednn_name;
lathe_onednn_name lathe_onednn_implementation(const lathe_onednn_call* call, int64_t count);

#ifdef __cplusplus
}
#endif
#endif
