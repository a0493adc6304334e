/* Runs what `lathe compile` made, on arrays from .npy files; needs nothing but the runtime.
 *
 *     run_compiled fashion-mnist.bundle/compiled image.npy
 *
 * A file for each input, in its order; types and shapes must be the input's own (`lathe compile explain`
 * shows them).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lathe/runtime/lathe_runtime.h"

/* An .npy file ends with the array's bytes; what is before them is its description. */
static int read_array(const char* file, void* to, size_t bytes) {
  FILE* f = fopen(file, "rb");
  if (!f) return -1;
  const int ok = fseek(f, -(long)bytes, SEEK_END) == 0 && fread(to, 1, bytes, f) == bytes;
  fclose(f);
  return ok ? 0 : -1;
}

static void print_value(const lathe_tensor_info* info, const void* values, size_t i) {
  if (strcmp(info->dtype, "f32") == 0)
    printf(" %g", ((const float*)values)[i]);
  else if (strcmp(info->dtype, "i64") == 0)
    printf(" %" PRId64, ((const int64_t*)values)[i]);
  else if (strcmp(info->dtype, "i32") == 0)
    printf(" %" PRId32, ((const int32_t*)values)[i]);
  else
    printf(" 0x%02x", ((const unsigned char*)values)[i]);
}

static int complain(const char* what) {
  fprintf(stderr, "run_compiled: %s\n", what);
  return 1;
}

int main(int argc, char** argv) {
  if (argc < 2) return complain("usage: run_compiled DIR [INPUT.npy …]");
  lathe_module* module = lathe_load(argv[1]);
  if (!module) return complain(lathe_last_error());
  lathe_session* session = lathe_session_new(module, 1);
  if (!session) return complain(lathe_last_error());

  if (argc - 2 != lathe_num_inputs(module)) return complain("a file for each input of the module is needed");
  for (int i = 0; i < lathe_num_inputs(module); ++i)
    if (read_array(argv[2 + i], lathe_input(session, i), lathe_input_info(module, i)->bytes) != 0)
      return complain(argv[2 + i]);
  if (lathe_run(session) != 0) return complain(lathe_last_error());

  for (int o = 0; o < lathe_num_outputs(module); ++o) {
    const lathe_tensor_info* info = lathe_output_info(module, o);
    size_t count = 1;
    for (int d = 0; d < info->rank; ++d) count *= (size_t)info->shape[d];
    printf("%s:", info->name);
    for (size_t i = 0; i < count && i < 20; ++i) print_value(info, lathe_output(session, o), i);
    printf("\n");
  }
  lathe_session_free(session);
  lathe_unload(module);
  return 0;
}
