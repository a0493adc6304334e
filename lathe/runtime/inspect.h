/* A look at what operations write, for finding the one that computes something else. Not part of what
 * programs that run models need. */
#ifndef LATHE_INSPECT_H
#define LATHE_INSPECT_H
#include "lathe_runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Elements in a session's memory: that at index (i0, i1, …) lies (i0 stride[0] + i1 stride[1] + …) elements
 * after the first. Innermost axis first. */
typedef struct {
  const void* first;
  int type_code, type_bits; /* codes: 0 signed, 1 unsigned, 2 float */
  int rank;
  int32_t extent[LATHE_MAX_RANK], stride[LATHE_MAX_RANK];
} lathe_view;

/* Runs the first `count` operations. Their outputs stay until a later one takes the memory. */
int lathe_run_first(lathe_session* session, int count);
int lathe_num_written(const lathe_module* module, int operation);
/* -1: no such operation or output. */
int lathe_written(const lathe_session* session, int operation, int index, lathe_view* view);

#ifdef __cplusplus
}
#endif
#endif
