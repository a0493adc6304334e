#ifndef LATHE_MODULE_H
#define LATHE_MODULE_H
#include "lathe_runtime.h"
#include "plan.h"

typedef int (*lathe_kernel)(void** arguments);

/* A file's bytes, mapped. */
typedef struct {
  const unsigned char* bytes;
  uint64_t size;
} lathe_file;

struct lathe_module {
  lathe_file plan, params;
  void* library;
  const lathe_plan_header* header;
  const lathe_plan_tensor* tensors;
  const lathe_plan_buffer* buffers;
  const lathe_plan_dim* dims;
  const lathe_plan_operation* operations;
  const uint32_t* arguments;
  const lathe_plan_fill* fills;
  const char* strings;
  lathe_kernel* kernels; /* one for each operation */
  lathe_tensor_info* infos;
  lathe_operation_info* operation_infos;
};

/* Sets the calling thread's error and returns -1. */
int lathe_fail(const char* format, ...) __attribute__((format(printf, 1, 2)));
/* Every offset, count and view of the plan lies inside what it points into. */
int lathe_check_plan(lathe_module* module, const char* file);
void lathe_clear_error(void);

#endif
