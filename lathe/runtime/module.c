#define _GNU_SOURCE
#include "module.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static _Thread_local char last_error[512];

int lathe_fail(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(last_error, sizeof last_error, format, arguments);
  va_end(arguments);
  return -1;
}
void lathe_clear_error(void) { last_error[0] = 0; }
const char* lathe_last_error(void) { return last_error; }

static int map_file(const char* path, lathe_file* file) {
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return lathe_fail("cannot open %s: %s", path, strerror(errno));
  struct stat status;
  int failed = fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode);
  if (failed) lathe_fail("%s is not a file", path);
  if (!failed && status.st_size > 0) {
    void* bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (bytes == MAP_FAILED)
      failed = lathe_fail("cannot map %s: %s", path, strerror(errno));
    else
      *file = (lathe_file){bytes, (uint64_t)status.st_size};
  }
  close(descriptor);
  return failed ? -1 : 0;
}

static void unmap_file(lathe_file* file) {
  if (file->bytes) munmap((void*)file->bytes, file->size);
  file->bytes = NULL;
}

static int check_processor(const lathe_plan_header* header) {
#if defined(__x86_64__)
  static const char* names[] = {"SSE4.1", "AVX2 and FMA", "AVX-512", "AVX-512 with VNNI"};
  int has = __builtin_cpu_supports("sse4.1");
  if (header->isa >= 1) has = has && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (header->isa >= 2)
    has = has && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
          __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
          __builtin_cpu_supports("avx512cd");
  if (header->isa >= 3) has = has && __builtin_cpu_supports("avx512vnni");
  if (!has)
    return lathe_fail("the module is compiled for %s, which this processor has not; compile with --target host here",
                      names[header->isa]);
  return 0;
#else
  (void)header;
  return lathe_fail("the module is compiled for x86-64");
#endif
}

static int check_file(const char* path, const lathe_file* file, uint64_t bytes, uint64_t hash) {
  if (file->size != bytes || lathe_xxhash64(file->bytes, file->size, 0) != hash)
    return lathe_fail("%s does not belong to plan.bin beside it, or is damaged; compile the model again", path);
  return 0;
}

static int bind_kernels(lathe_module* m, const char* path) {
  const uint32_t count = m->header->num_operations;
  m->kernels = calloc(count + 1, sizeof *m->kernels);
  if (!m->kernels) return lathe_fail("out of memory");
  m->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!m->library) return lathe_fail("cannot load %s: %s", path, dlerror());
  for (uint32_t i = 0; i < count; ++i) {
    const char* name = m->strings + m->operations[i].kernel;
    void* symbol = dlsym(m->library, name);
    if (!symbol) return lathe_fail("%s lacks the kernel of operation %u; compile the model again", path, i);
    memcpy(&m->kernels[i], &symbol, sizeof symbol);
  }
  return 0;
}

static int describe(lathe_module* m) {
  const lathe_plan_header* h = m->header;
  const uint32_t num_tensors = h->num_inputs + h->num_outputs;
  m->infos = calloc(num_tensors + 1, sizeof *m->infos);
  m->operation_infos = calloc(h->num_operations + 1, sizeof *m->operation_infos);
  if (!m->infos || !m->operation_infos) return lathe_fail("out of memory");
  for (uint32_t t = 0; t < num_tensors; ++t) {
    const lathe_plan_tensor* tensor = &m->tensors[t];
    lathe_tensor_info* info = &m->infos[t];
    *info = (lathe_tensor_info){.name = m->strings + tensor->name,
                                .dtype = m->strings + tensor->dtype,
                                .rank = (int)tensor->rank,
                                .bytes = tensor->element_bytes};
    for (uint32_t d = 0; d < tensor->rank; ++d) {
      info->shape[d] = tensor->shape[d];
      info->bytes *= (size_t)tensor->shape[d];
    }
  }
  for (uint32_t o = 0; o < h->num_operations; ++o)
    m->operation_infos[o] = (lathe_operation_info){m->strings + m->operations[o].kernel,
                                                   m->strings + m->operations[o].source, m->operations[o].flops,
                                                   m->operations[o].bytes};
  return 0;
}

static int load(lathe_module* m, const char* directory) {
  char plan[4096], params[4096], library[4096];
  if (strlen(directory) > 4000) return lathe_fail("the directory's name is too long");
  snprintf(plan, sizeof plan, "%s/plan.bin", directory);
  snprintf(params, sizeof params, "%s/params.bin", directory);
  /* A name without a slash would be searched for in the system's directories. */
  snprintf(library, sizeof library, "%s%s/module.so", directory[0] == '/' ? "" : "./", directory);
  if (map_file(plan, &m->plan) || map_file(params, &m->params) || lathe_check_plan(m, plan)) return -1;
  lathe_file code = {0};
  if (check_file(params, &m->params, m->header->params_bytes, m->header->params_hash) || map_file(library, &code))
    return -1;
  const int damaged = check_file(library, &code, m->header->module_bytes, m->header->module_hash);
  unmap_file(&code);
  if (damaged || check_processor(m->header)) return -1;
  return bind_kernels(m, library) || describe(m) ? -1 : 0;
}

lathe_module* lathe_load(const char* directory) {
  lathe_clear_error();
  lathe_module* module = calloc(1, sizeof *module);
  if (!module) {
    lathe_fail("out of memory");
    return NULL;
  }
  if (load(module, directory) == 0) return module;
  lathe_unload(module);
  return NULL;
}

void lathe_unload(lathe_module* m) {
  if (!m) return;
  if (m->library) dlclose(m->library);
  unmap_file(&m->plan);
  unmap_file(&m->params);
  free(m->kernels);
  free(m->infos);
  free(m->operation_infos);
  free(m);
}

int lathe_num_inputs(const lathe_module* m) { return (int)m->header->num_inputs; }
int lathe_num_outputs(const lathe_module* m) { return (int)m->header->num_outputs; }
int lathe_num_operations(const lathe_module* m) { return (int)m->header->num_operations; }
size_t lathe_arena_bytes(const lathe_module* m) { return m->header->arena_bytes; }
const lathe_tensor_info* lathe_input_info(const lathe_module* m, int index) {
  return index >= 0 && index < lathe_num_inputs(m) ? &m->infos[index] : NULL;
}
const lathe_tensor_info* lathe_output_info(const lathe_module* m, int index) {
  return index >= 0 && index < lathe_num_outputs(m) ? &m->infos[lathe_num_inputs(m) + index] : NULL;
}
const lathe_operation_info* lathe_operation(const lathe_module* m, int index) {
  return index >= 0 && index < lathe_num_operations(m) ? &m->operation_infos[index] : NULL;
}
int lathe_find_input(const lathe_module* m, const char* name) {
  for (int i = 0; i < lathe_num_inputs(m); ++i)
    if (strcmp(m->infos[i].name, name) == 0) return i;
  return lathe_fail("the module has no input %s", name);
}
int lathe_find_output(const lathe_module* m, const char* name) {
  for (int i = 0; i < lathe_num_outputs(m); ++i)
    if (strcmp(m->infos[lathe_num_inputs(m) + i].name, name) == 0) return i;
  return lathe_fail("the module has no output %s", name);
}
