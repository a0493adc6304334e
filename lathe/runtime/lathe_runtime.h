/* Runs what `lathe compile` made: a directory with plan.bin, params.bin and module.so. Plain C11, no other
 * library than libc, libm and pthread.
 *
 *     lathe_module* module = lathe_load("model.lathe");
 *     lathe_session* session = lathe_session_new(module, 2);
 *     memcpy(lathe_input(session, 0), image, lathe_input_info(module, 0)->bytes);
 *     if (lathe_run(session) != 0) puts(lathe_last_error());
 *     const float* logits = lathe_output(session, 0);
 *
 * A module may be shared by threads; a session belongs to one thread at a time. Sessions of one module run
 * side by side, each with its own memory and its own threads. Functions that fail return NULL or -1 and leave
 * one line for lathe_last_error() of the same thread. */
#ifndef LATHE_RUNTIME_H
#define LATHE_RUNTIME_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LATHE_ABI 2
#define LATHE_MAX_RANK 8

typedef struct lathe_module lathe_module;
typedef struct lathe_session lathe_session;

typedef struct {
  const char* name;
  const char* dtype; /* "f32", "f64", "i64", "i32", "i16", "i8", "u8", "bool" */
  int rank;
  int64_t shape[LATHE_MAX_RANK]; /* row-major */
  size_t bytes;
} lathe_tensor_info;

typedef struct {
  const char* kernel;  /* symbol in module.so */
  const char* source;  /* what it computes: names in the source model, joined by '+' */
  double flops, bytes; /* arithmetic, and memory that it reads and writes at least */
} lathe_operation_info;

/* Checks that the three files belong together and are whole, that this processor has the instructions, and
 * maps them.
 */
lathe_module* lathe_load(const char* directory);
void lathe_unload(lathe_module* module); /* after its sessions */

int lathe_num_inputs(const lathe_module* module);
int lathe_num_outputs(const lathe_module* module);
int lathe_num_operations(const lathe_module* module);
const lathe_tensor_info* lathe_input_info(const lathe_module* module, int index); /* NULL: no such input */
const lathe_tensor_info* lathe_output_info(const lathe_module* module, int index);
const lathe_operation_info* lathe_operation(const lathe_module* module, int index);
int lathe_find_input(const lathe_module* module, const char* name); /* -1: no such name */
int lathe_find_output(const lathe_module* module, const char* name);
size_t lathe_arena_bytes(const lathe_module* module);

/* num_threads 0: one for each processor that this process may use. The calling thread is one of them and
 * wants 4 MiB of stack. */
lathe_session* lathe_session_new(const lathe_module* module, int num_threads);
void lathe_session_free(lathe_session* session);

void* lathe_input(lathe_session* session, int index); /* to write to; lathe_run leaves it as it is */
const void* lathe_output(const lathe_session* session, int index); /* valid until the next lathe_run */
int lathe_run(lathe_session* session);
/* Also writes the seconds of each operation to seconds[lathe_num_operations]. */
int lathe_run_profiled(lathe_session* session, double* seconds);

const char* lathe_last_error(void); /* of this thread; "" if none */

#ifdef __cplusplus
}
#endif
#endif
