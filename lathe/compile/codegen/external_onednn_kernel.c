/* The kernel of compiled modules that calls oneDNN 2. It is linked into modules as an object file and depends
 * on nothing else. Primitives are made at their first call, and weights reordered as they like them; both are
 * kept until the module is unloaded. A primitive runs on the calling thread only: threads are the session's.
 */
#include <pthread.h>
#include <stdlib.h>

#include "external_onednn_describe.h"
#include "lathe/runtime/kernel_buffer.h"

/* A primitive's arguments; one thread at a time sets them. */
enum { kX, kWeights, kY, kScratch, kSums, kMostArguments = kSums + LATHE_ONEDNN_MOST_AFTER + 1 };
typedef struct lane {
  struct lane* next;
  dnnl_stream_t stream;
  int num_arguments;
  dnnl_exec_arg_t arguments[kMostArguments];
} lane;

typedef struct primitive {
  struct primitive* next;
  uint64_t id;
  part part;
  dnnl_primitive_desc_t description;
  dnnl_primitive_t function;
  dnnl_memory_t weights, bias; /* constants; NULL where there are none */
  int owns_weights;
  size_t scratch_bytes;
  lane* idle;
} primitive;

typedef struct scratch {
  struct scratch* next;
  size_t bytes;
  void* memory;
} scratch;

enum { kBuckets = 64 };
static struct {
  pthread_mutex_t mutex;
  dnnl_engine_t engine;
  primitive* primitives[kBuckets]; /* by their ids */
  scratch* idle;
} shared = {.mutex = PTHREAD_MUTEX_INITIALIZER};

lathe_onednn_name lathe_onednn_implementation(const lathe_onednn_call* c, int64_t count) {
  lathe_onednn_name name = {""};
  dnnl_engine_t engine = NULL;
  dnnl_primitive_desc_t description = NULL;
  const part p = part_of(c, 0, count);
  const char* text = NULL;
  if (dnnl_engine_create(&engine, dnnl_cpu, 0) == dnnl_success &&
      describe(&description, c, &p, engine) == dnnl_success &&
      dnnl_primitive_desc_query(description, dnnl_query_impl_info_str, 0, &text) == dnnl_success)
    strncpy(name.text, text, sizeof name.text - 1);
  dnnl_primitive_desc_destroy(description);
  dnnl_engine_destroy(engine);
  return name;
}

/* ---- what is kept between calls; the mutex is held */

static dnnl_status_t reorder(dnnl_memory_t from, const dnnl_memory_desc_t* given, dnnl_memory_t to,
                             const dnnl_memory_desc_t* wanted) {
  dnnl_primitive_desc_t description = NULL;
  dnnl_primitive_t function = NULL;
  dnnl_stream_t stream = NULL;
  dnnl_status_t status =
      dnnl_reorder_primitive_desc_create(&description, given, shared.engine, wanted, shared.engine, NULL);
  if (status == dnnl_success) status = dnnl_primitive_create(&function, description);
  if (status == dnnl_success) status = dnnl_stream_create(&stream, shared.engine, dnnl_stream_default_flags);
  const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
  if (status == dnnl_success) status = dnnl_primitive_execute(function, stream, 2, arguments);
  if (status == dnnl_success) status = dnnl_stream_wait(stream);
  dnnl_stream_destroy(stream);
  dnnl_primitive_destroy(function);
  dnnl_primitive_desc_destroy(description);
  return status;
}

/* A copy of a constant that lies as `wanted` says. */
static dnnl_status_t keep(dnnl_memory_t* kept, const dnnl_memory_desc_t* given, const float* values,
                          const dnnl_memory_desc_t* wanted) {
  dnnl_memory_t from = NULL;
  CHECK(dnnl_memory_create(kept, wanted, shared.engine, DNNL_MEMORY_ALLOCATE));
  CHECK(dnnl_memory_create(&from, given, shared.engine, (void*)values));
  const dnnl_status_t status = reorder(from, given, *kept, wanted);
  dnnl_memory_destroy(from);
  return status;
}

static const dnnl_memory_desc_t* wants(const primitive* p, dnnl_query_t what) {
  return dnnl_primitive_desc_query_md(p->description, what, 0);
}

static void drop_lane(lane* l, const primitive* p) {
  for (int a = 0; a < l->num_arguments; ++a) {
    const dnnl_memory_t memory = l->arguments[a].memory;
    if (memory != p->weights && memory != p->bias) dnnl_memory_destroy(memory);
  }
  dnnl_stream_destroy(l->stream);
  free(l);
}

static void drop(primitive* p) {
  for (lane* l; (l = p->idle);) {
    p->idle = l->next;
    drop_lane(l, p);
  }
  if (p->owns_weights) dnnl_memory_destroy(p->weights);
  dnnl_memory_destroy(p->bias);
  dnnl_primitive_destroy(p->function);
  dnnl_primitive_desc_destroy(p->description);
  free(p);
}

static void drop_all(void* unused) {
  (void)unused;
  for (int b = 0; b < kBuckets; ++b)
    for (primitive* p; (p = shared.primitives[b]);) {
      shared.primitives[b] = p->next;
      drop(p);
    }
  for (scratch* s; (s = shared.idle);) {
    shared.idle = s->next;
    free(s->memory);
    free(s);
  }
  dnnl_engine_destroy(shared.engine);
  shared.engine = NULL;
}

/* Runs drop_all when the module is unloaded; where the program ends first, before oneDNN's own end. */
extern int __cxa_atexit(void (*)(void*), void*, void*);
extern void __cxa_finalize(void*);
static char owner;
__attribute__((destructor)) static void unload(void) {
  __cxa_finalize(&owner);
}

static primitive** bucket(uint64_t id) {
  return &shared.primitives[id % kBuckets];
}

/* Weights that another part has already in the order that this one wants. */
static dnnl_memory_t same_weights(const primitive* p) {
  for (const primitive* other = *bucket(p->id); other; other = other->next)
    if (other->id == p->id && other->part.w_offset == p->part.w_offset && other->weights &&
        dnnl_memory_desc_equal(wants(other, dnnl_query_weights_md), wants(p, dnnl_query_weights_md)))
      return other->weights;
  return NULL;
}

static dnnl_status_t fill(primitive* p, const lathe_onednn_call* c, const float* weights, const float* bias) {
  CHECK(describe(&p->description, c, &p->part, shared.engine));
  CHECK(dnnl_primitive_create(&p->function, p->description));
  p->scratch_bytes = dnnl_memory_desc_get_size(wants(p, dnnl_query_scratchpad_md));
  if (c->weight_batch == 0 && !(p->weights = same_weights(p))) {
    dnnl_memory_desc_t given;
    CHECK(weight_desc(&given, c, &p->part));
    p->owns_weights = 1;
    CHECK(keep(&p->weights, &given, weights + p->part.w_offset, wants(p, dnnl_query_weights_md)));
  }
  if (c->has_bias) {
    dnnl_memory_desc_t given;
    CHECK(bias_desc(&given, c, &p->part));
    CHECK(keep(&p->bias, &given, bias + p->part.bias_offset, &given));
  }
  return dnnl_success;
}

static dnnl_status_t find(primitive** found, const lathe_onednn_call* c, int64_t from, int64_t count,
                          const float* weights, const float* bias) {
  for (primitive* p = *bucket(c->id); p; p = p->next)
    if (p->id == c->id && p->part.from == from && p->part.count == count) {
      *found = p;
      return dnnl_success;
    }
  if (dnnl_version()->major != 2) return dnnl_unimplemented;
  const int is_first = !shared.engine;
  if (is_first) CHECK(dnnl_engine_create(&shared.engine, dnnl_cpu, 0));
  primitive* p = calloc(1, sizeof *p);
  if (!p) return dnnl_out_of_memory;
  p->id = c->id;
  p->part = part_of(c, from, count);
  const dnnl_status_t status = fill(p, c, weights, bias);
  if (is_first) __cxa_atexit(drop_all, NULL, &owner); /* now oneDNN has whatever it takes down at the end */
  if (status != dnnl_success) {
    drop(p);
    return status;
  }
  p->next = *bucket(c->id);
  *bucket(c->id) = *found = p;
  return dnnl_success;
}

static dnnl_status_t add_argument(lane* l, int kind, const dnnl_memory_desc_t* desc, dnnl_memory_t memory) {
  if (!memory) CHECK(dnnl_memory_create(&memory, desc, shared.engine, DNNL_MEMORY_NONE));
  l->arguments[l->num_arguments++] = (dnnl_exec_arg_t){kind, memory};
  return dnnl_success;
}

static dnnl_status_t set_up(lane* l, const lathe_onednn_call* c, const primitive* p) {
  CHECK(dnnl_stream_create(&l->stream, shared.engine, dnnl_stream_default_flags));
  CHECK(add_argument(l, DNNL_ARG_SRC, wants(p, dnnl_query_src_md), NULL));
  CHECK(add_argument(l, DNNL_ARG_WEIGHTS, wants(p, dnnl_query_weights_md), p->weights));
  CHECK(add_argument(l, DNNL_ARG_DST, wants(p, dnnl_query_dst_md), NULL));
  CHECK(add_argument(l, DNNL_ARG_SCRATCHPAD, wants(p, dnnl_query_scratchpad_md), NULL));
  for (int i = 0; i < c->num_after; ++i)
    if (c->after[i].algorithm == 0)
      CHECK(add_argument(l, DNNL_ARG_ATTR_MULTIPLE_POST_OP(i) | DNNL_ARG_SRC_1, wants(p, dnnl_query_dst_md),
                         NULL));
  if (p->bias) CHECK(add_argument(l, DNNL_ARG_BIAS, NULL, p->bias));
  return dnnl_success;
}

static dnnl_status_t take_lane(lane** taken, const lathe_onednn_call* c, primitive* p) {
  if (p->idle) {
    *taken = p->idle;
    p->idle = p->idle->next;
    return dnnl_success;
  }
  lane* l = calloc(1, sizeof *l);
  if (!l) return dnnl_out_of_memory;
  const dnnl_status_t status = set_up(l, c, p);
  if (status == dnnl_success)
    *taken = l;
  else
    drop_lane(l, p);
  return status;
}

static scratch* take_scratch(size_t bytes) {
  scratch* s = shared.idle;
  if (s)
    shared.idle = s->next;
  else if (!(s = calloc(1, sizeof *s)))
    return NULL;
  if (s->bytes >= bytes) return s;
  free(s->memory);
  s->bytes = (bytes + 63) / 64 * 64;
  if ((s->memory = aligned_alloc(64, s->bytes))) return s;
  free(s);
  return NULL;
}

/* ---- calls */

static int num_sums(const lathe_onednn_call* c) {
  int count = 0;
  for (int i = 0; i < c->num_after; ++i) count += c->after[i].algorithm == 0;
  return count;
}

static dnnl_status_t run(const lathe_onednn_call* c, kernel_buffer** buffers, const primitive* p, lane* l,
                         void* memory) {
  const int sums = 3 + c->has_bias;
  const kernel_buffer* y = buffers[sums + num_sums(c)];
  /* Only y is cut already. */
  const int64_t y_offset = c->split_axis < 0 ? 0 : p->part.from * y->dim[c->split_dim].stride;
  CHECK(dnnl_memory_set_data_handle(l->arguments[kX].memory, (float*)buffers[1]->host + p->part.x_offset));
  if (!p->weights)
    CHECK(dnnl_memory_set_data_handle(l->arguments[kWeights].memory,
                                      (float*)buffers[2]->host + p->part.w_offset));
  CHECK(dnnl_memory_set_data_handle(l->arguments[kY].memory, y->host));
  CHECK(dnnl_memory_set_data_handle(l->arguments[kScratch].memory, memory));
  for (int i = 0; i < num_sums(c); ++i)
    CHECK(dnnl_memory_set_data_handle(l->arguments[kSums + i].memory,
                                      (float*)buffers[sums + i]->host + y_offset));
  CHECK(dnnl_primitive_execute(p->function, l->stream, l->num_arguments, l->arguments));
  return dnnl_stream_wait(l->stream);
}

static dnnl_status_t call(const lathe_onednn_call* c, kernel_buffer** buffers) {
  const kernel_dim whole = {0, 0, 0, 0};
  const kernel_dim cut =
      c->split_axis < 0 ? whole : buffers[3 + c->has_bias + num_sums(c)]->dim[c->split_dim];
  primitive* p = NULL;
  lane* l = NULL;
  scratch* s = NULL;
  pthread_mutex_lock(&shared.mutex);
  dnnl_status_t status = find(&p, c, cut.min, cut.extent, (const float*)buffers[2]->host,
                              c->has_bias ? (const float*)buffers[3]->host : NULL);
  if (status == dnnl_success) status = take_lane(&l, c, p);
  if (status == dnnl_success && !(s = take_scratch(p->scratch_bytes))) status = dnnl_out_of_memory;
  pthread_mutex_unlock(&shared.mutex);
  if (status == dnnl_success) status = run(c, buffers, p, l, s->memory);
  pthread_mutex_lock(&shared.mutex);
  if (l) {
    l->next = p->idle;
    p->idle = l;
  }
  if (s) {
    s->next = shared.idle;
    shared.idle = s;
  }
  pthread_mutex_unlock(&shared.mutex);
  return status;
}

/* oneDNN starts as many threads as these say; a build with another runtime than OpenMP has none of them. */
extern int omp_get_max_threads(void) __attribute__((weak));
extern void omp_set_num_threads(int) __attribute__((weak));

/* 0, or oneDNN's status. */
int lathe_onednn_argv(void** arguments) {
  kernel_buffer** buffers = (kernel_buffer**)arguments;
  const lathe_onednn_call* c = (const lathe_onednn_call*)buffers[0]->host;
  const int threads = omp_get_max_threads ? omp_get_max_threads() : 1;
  if (threads > 1 && omp_set_num_threads) omp_set_num_threads(1);
  const dnnl_status_t status = call(c, buffers);
  if (threads > 1 && omp_set_num_threads) omp_set_num_threads(threads);
  return (int)status;
}
