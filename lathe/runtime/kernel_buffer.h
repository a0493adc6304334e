#ifndef LATHE_KERNEL_BUFFER_H
#define LATHE_KERNEL_BUFFER_H
#include <stdint.h>

/* Halide 14's halide_buffer_t and halide_dimension_t: what kernels take. */
typedef struct {
  int32_t min, extent, stride;
  uint32_t flags;
} kernel_dim;
typedef struct {
  uint64_t device;
  const void* device_interface;
  unsigned char* host;
  uint64_t flags;
  uint8_t type_code, type_bits;
  uint16_t type_lanes;
  int32_t dimensions;
  kernel_dim* dim;
  void* padding;
} kernel_buffer;

#endif
