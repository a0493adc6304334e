/* What oneDNN is told about a call, for external_onednn_kernel.c. */
#ifndef LATHE_EXTERNAL_ONEDNN_DESCRIBE_H
#define LATHE_EXTERNAL_ONEDNN_DESCRIBE_H
#include <oneapi/dnnl/dnnl.h>
#include <string.h>

#include "external_onednn.h"

/* y's elements [from, from + count) along the split axis, and what they are made of. */
typedef struct {
  int64_t from, count;
  dnnl_dims_t x, y;
  int64_t groups, x_offset, w_offset, bias_offset;
} part;

/* Leaves the function at the first failure. */
#define CHECK(call)                              \
  do {                                           \
    const dnnl_status_t status_ = (call);        \
    if (status_ != dnnl_success) return status_; \
  } while (0)

static part part_of_product(const lathe_onednn_call* c, part p) {
  const int rows = c->rank - 2, columns = c->rank - 1;
  p.y[c->split_axis] = p.count;
  if (c->split_axis == columns) { /* of constant weights */
    p.w_offset = p.from * c->x[columns];
    p.bias_offset = p.from;
  } else if (c->split_axis == rows) {
    p.x[rows] = p.count;
    p.x_offset = p.from * c->x[columns];
  } else {
    if (c->x[0] > 1) {
      p.x[0] = p.count;
      p.x_offset = p.from * c->x[rows] * c->x[columns];
    }
    if (c->weight_batch > 1) p.w_offset = p.from * c->x[columns] * c->y[columns];
  }
  return p;
}

static part part_of(const lathe_onednn_call* c, int64_t from, int64_t count) {
  part p = {.from = from, .count = count, .groups = c->groups};
  for (int a = 0; a < c->rank; ++a) {
    p.x[a] = c->x[a];
    p.y[a] = c->y[a];
  }
  if (c->split_axis < 0) return p;
  if (c->kind == LATHE_ONEDNN_PRODUCT) return part_of_product(c, p);
  int64_t pixels = 1, taps = 1;
  for (int s = 0; s < c->rank - 2; ++s) {
    pixels *= c->x[s + 2];
    taps *= c->kernel[s];
  }
  if (c->split_axis == 0) {
    p.x[0] = p.y[0] = count;
    p.x_offset = from * c->x[1] * pixels;
    return p;
  }
  const int64_t begin = from * c->y_block, inputs = c->x[1] / c->groups, outputs = c->y[1] / c->groups;
  p.y[1] = count * c->y_block;
  p.bias_offset = begin;
  p.w_offset = begin * taps * (c->kind == LATHE_ONEDNN_TRANSPOSED ? 1 : inputs);
  if (c->groups > 1) { /* whole groups */
    p.groups = p.y[1] / outputs;
    p.x[1] = p.groups * inputs;
    p.x_offset = begin / outputs * inputs * pixels;
    p.w_offset = begin * taps * inputs;
  }
  return p;
}

/* A part of a row-major value whose axes are `whole`. */
static dnnl_status_t row_major(dnnl_memory_desc_t* desc, int rank, const dnnl_dims_t dims,
                               const int32_t* whole) {
  dnnl_dims_t strides;
  int64_t stride = 1;
  for (int a = rank; a-- > 0; stride *= whole[a]) strides[a] = stride;
  return dnnl_memory_desc_init_by_strides(desc, rank, dims, dnnl_f32, strides);
}

static dnnl_status_t value_desc(dnnl_memory_desc_t* desc, int rank, const dnnl_dims_t dims,
                                const int32_t* whole, int block) {
  if (block <= 1) return row_major(desc, rank, dims, whole);
  const dnnl_format_tag_t tag = block == 16 ? dnnl_nChw16c : block == 8 ? dnnl_nChw8c : dnnl_nChw4c;
  return dnnl_memory_desc_init_by_tag(desc, rank, dims, dnnl_f32, tag);
}

/* As the module has them. */
static dnnl_status_t weight_desc(dnnl_memory_desc_t* desc, const lathe_onednn_call* c, const part* p) {
  dnnl_dims_t dims, strides;
  int axes = 0;
  if (c->kind == LATHE_ONEDNN_PRODUCT) {
    const int64_t depth = c->x[c->rank - 1], columns = c->y[c->rank - 1];
    if (c->rank == 3) {
      dims[axes] = c->weight_batch > 1 ? p->y[0] : 1;
      strides[axes++] = depth * columns;
    }
    dims[axes] = depth;
    strides[axes++] = c->weight_batch > 0 ? columns : 1;
    dims[axes] = p->y[c->rank - 1];
    strides[axes++] = c->weight_batch > 0 ? 1 : depth;
    return dnnl_memory_desc_init_by_strides(desc, axes, dims, dnnl_f32, strides);
  }
  const int64_t inputs = c->x[1] / c->groups, outputs = c->y[1] / c->groups;
  const int transposed = c->kind == LATHE_ONEDNN_TRANSPOSED;
  int64_t taps = 1;
  for (int s = 0; s < c->rank - 2; ++s) taps *= c->kernel[s];
  if (p->groups > 1) {
    dims[axes] = p->groups;
    strides[axes++] = taps * inputs * outputs;
  }
  dims[axes] = p->y[1] / p->groups;
  strides[axes++] = transposed ? taps : taps * inputs;
  dims[axes] = inputs;
  strides[axes++] = transposed ? taps * outputs : taps;
  for (int s = 0; s < c->rank - 2; ++s) {
    taps /= c->kernel[s];
    dims[axes] = c->kernel[s];
    strides[axes++] = taps;
  }
  return dnnl_memory_desc_init_by_strides(desc, axes, dims, dnnl_f32, strides);
}

static dnnl_status_t bias_desc(dnnl_memory_desc_t* desc, const lathe_onednn_call* c, const part* p) {
  if (c->kind != LATHE_ONEDNN_PRODUCT)
    return dnnl_memory_desc_init_by_tag(desc, 1, (dnnl_dims_t){p->y[1]}, dnnl_f32, dnnl_a);
  dnnl_dims_t dims = {1, 1, 1}, strides = {1, 1, 1};
  dims[c->rank - 1] = p->y[c->rank - 1];
  for (int a = 0; a + 1 < c->rank; ++a) strides[a] = dims[c->rank - 1];
  return dnnl_memory_desc_init_by_strides(desc, c->rank, dims, dnnl_f32, strides);
}

static dnnl_status_t append(dnnl_post_ops_t ops, const lathe_onednn_call* c, const dnnl_memory_desc_t* y) {
  for (int i = 0; i < c->num_after; ++i) {
    const lathe_onednn_after* after = &c->after[i];
    if (after->algorithm == 0)
      CHECK(dnnl_post_ops_append_binary(ops, dnnl_binary_add, y));
    else
      CHECK(dnnl_post_ops_append_eltwise(ops, 1.0f, (dnnl_alg_kind_t)after->algorithm, after->alpha,
                                         after->beta));
  }
  return dnnl_success;
}

static dnnl_status_t describe_with(dnnl_primitive_desc_t* description, const lathe_onednn_call* c,
                                   const part* p, dnnl_engine_t engine, dnnl_primitive_attr_t attr,
                                   dnnl_post_ops_t ops) {
  dnnl_memory_desc_t x, y, w, bias;
  CHECK(value_desc(&x, c->rank, p->x, c->x, c->x_block));
  CHECK(value_desc(&y, c->rank, p->y, c->y, c->y_block));
  CHECK(weight_desc(&w, c, p));
  if (c->weight_batch == 0) {
    dnnl_dims_t dims;
    memcpy(dims, w.dims, sizeof dims);
    CHECK(dnnl_memory_desc_init_by_tag(&w, w.ndims, dims, dnnl_f32, dnnl_format_tag_any));
  }
  CHECK(bias_desc(&bias, c, p));
  CHECK(append(ops, c, &y));
  CHECK(dnnl_primitive_attr_set_post_ops(attr, ops));
  CHECK(dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user));
  const dnnl_memory_desc_t* b = c->has_bias ? &bias : NULL;
  if (c->kind == LATHE_ONEDNN_PRODUCT) {
    dnnl_matmul_desc_t product;
    CHECK(dnnl_matmul_desc_init(&product, &x, &w, b, &y));
    return dnnl_primitive_desc_create(description, &product, attr, engine, NULL);
  }
  const int transposed = c->kind == LATHE_ONEDNN_TRANSPOSED;
  dnnl_dims_t stride, dilation, before, behind;
  for (int s = 0; s < c->rank - 2; ++s) {
    const int64_t reach = (int64_t)(c->kernel[s] - 1) * c->dilation[s] + 1;
    const int64_t wide = transposed ? c->y[s + 2] : c->x[s + 2],
                  narrow = transposed ? c->x[s + 2] : c->y[s + 2];
    stride[s] = c->stride[s];
    dilation[s] = c->dilation[s] - 1;
    before[s] = c->padding[s];
    behind[s] = (narrow - 1) * c->stride[s] + reach - wide - c->padding[s];
  }
  if (transposed) {
    dnnl_deconvolution_desc_t convolution;
    CHECK(dnnl_dilated_deconvolution_forward_desc_init(&convolution, dnnl_forward_inference,
                                                       dnnl_deconvolution_direct, &x, &w, b, &y, stride,
                                                       dilation, before, behind));
    return dnnl_primitive_desc_create(description, &convolution, attr, engine, NULL);
  }
  dnnl_convolution_desc_t convolution;
  CHECK(dnnl_dilated_convolution_forward_desc_init(&convolution, dnnl_forward_inference,
                                                   dnnl_convolution_auto, &x, &w, b, &y, stride, dilation,
                                                   before, behind));
  return dnnl_primitive_desc_create(description, &convolution, attr, engine, NULL);
}

static dnnl_status_t describe(dnnl_primitive_desc_t* description, const lathe_onednn_call* c, const part* p,
                              dnnl_engine_t engine) {
  dnnl_primitive_attr_t attr = NULL;
  dnnl_post_ops_t ops = NULL;
  dnnl_status_t status = dnnl_primitive_attr_create(&attr);
  if (status == dnnl_success) status = dnnl_post_ops_create(&ops);
  if (status == dnnl_success) status = describe_with(description, c, p, engine, attr, ops);
  dnnl_post_ops_destroy(ops);
  dnnl_primitive_attr_destroy(attr);
  return status;
}

#endif
