#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "inspect.h"
#include "kernel_buffer.h"
#include "module.h"
#include "pool.h"

/* One call of a kernel: a whole operation or a piece of it. */
typedef struct {
  lathe_kernel kernel;
  void** arguments;
} call;

typedef struct {
  int first_call, num_calls;
} operation_calls;

struct lathe_session {
  const lathe_module* module;
  lathe_pool* pool;
  unsigned char *arena, *io;
  size_t arena_bytes, io_bytes;
  kernel_buffer* buffers; /* those of the plan, then those of pieces */
  kernel_dim* dims;
  void** arguments;
  call* calls;
  operation_calls* operations;
  int failed; /* a kernel's code that is not zero */
};

/* Pieces smaller than this are not worth a thread. */
static const double kLeastPieceSeconds = 4e-6;
enum { kPiecesPerThread = 3 };

static void* allocate(size_t bytes) {
  if (bytes == 0) bytes = 64;
  void* memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return NULL;
  madvise(memory, bytes, MADV_HUGEPAGE);
  return memory;
}

static double estimated_seconds(const lathe_plan_operation* op) {
  const double compute = op->flops / 60e9, memory = op->bytes / 20e9;
  return compute > memory ? compute : memory;
}

static int32_t extent_along(const lathe_module* m, const lathe_plan_operation* op) {
  const uint32_t output = m->arguments[op->first_argument + op->num_arguments - 1];
  return m->dims[m->buffers[output].first_dim + (uint32_t)op->split_dim].extent;
}

/* Granules in the extent that is cut; the last may be smaller. */
static int64_t num_granules(const lathe_module* m, const lathe_plan_operation* op) {
  return ((int64_t)extent_along(m, op) + op->granule - 1) / op->granule;
}

static int num_pieces(const lathe_module* m, const lathe_plan_operation* op, int num_threads) {
  if (op->split_dim < 0 || num_threads == 1) return 1;
  const int64_t granules = num_granules(m, op);
  const double seconds = estimated_seconds(op);
  if (granules < 2 || seconds < 2 * kLeastPieceSeconds) return 1;
  int pieces = num_threads * (seconds > 100 * kLeastPieceSeconds ? kPiecesPerThread : 1);
  const double most = seconds / kLeastPieceSeconds;
  if (pieces > most) pieces = (int)most;
  return pieces > granules ? (int)granules : pieces;
}

static kernel_buffer make_buffer(const lathe_session* s, const lathe_plan_buffer* plan, kernel_dim* dims) {
  const lathe_module* m = s->module;
  unsigned char* base = plan->place == LATHE_ARENA ? s->arena
                        : plan->place == LATHE_IO  ? s->io
                                                   : (unsigned char*)m->params.bytes;
  for (uint32_t d = 0; d < plan->rank; ++d) {
    const lathe_plan_dim* from = &m->dims[plan->first_dim + d];
    dims[d] = (kernel_dim){from->min, from->extent, from->stride, 0};
  }
  return (kernel_buffer){.host = base + plan->offset,
                         .type_code = (uint8_t)plan->type_code,
                         .type_bits = (uint8_t)plan->type_bits,
                         .type_lanes = 1,
                         .dimensions = (int32_t)plan->rank,
                         .dim = dims};
}

/* Lays out all calls: whole operations share the plan's buffers, pieces get outputs of their own, cut along
 * split_dim. */
static int prepare_calls(lathe_session* s, int num_threads) {
  const lathe_module* m = s->module;
  const lathe_plan_header* h = m->header;
  size_t num_buffers = h->num_buffers, num_dims = h->num_dims, num_arguments = 0, num_calls = 0;
  for (uint32_t o = 0; o < h->num_operations; ++o) {
    const lathe_plan_operation* op = &m->operations[o];
    const size_t pieces = (size_t)num_pieces(m, op, num_threads);
    num_calls += pieces;
    num_arguments += pieces * op->num_arguments;
    if (pieces > 1) {
      num_buffers += pieces * op->num_outputs;
      num_dims += pieces * op->num_outputs * LATHE_MAX_RANK;
    }
  }
  s->buffers = calloc(num_buffers + 1, sizeof *s->buffers);
  s->dims = calloc(num_dims + 1, sizeof *s->dims);
  s->arguments = calloc(num_arguments + 1, sizeof *s->arguments);
  s->calls = calloc(num_calls + 1, sizeof *s->calls);
  s->operations = calloc(h->num_operations + 1, sizeof *s->operations);
  if (!s->buffers || !s->dims || !s->arguments || !s->calls || !s->operations)
    return lathe_fail("out of memory");

  for (uint32_t b = 0; b < h->num_buffers; ++b)
    s->buffers[b] = make_buffer(s, &m->buffers[b], s->dims + m->buffers[b].first_dim);
  kernel_buffer* next_buffer = s->buffers + h->num_buffers;
  kernel_dim* next_dims = s->dims + h->num_dims;
  void** next_argument = s->arguments;
  call* next_call = s->calls;
  for (uint32_t o = 0; o < h->num_operations; ++o) {
    const lathe_plan_operation* op = &m->operations[o];
    const int pieces = num_pieces(m, op, num_threads);
    s->operations[o] = (operation_calls){(int)(next_call - s->calls), pieces};
    const int64_t extent = pieces > 1 ? extent_along(m, op) : 0,
                  granules = pieces > 1 ? num_granules(m, op) : 0;
    for (int p = 0; p < pieces; ++p) {
      *next_call++ = (call){m->kernels[o], next_argument};
      for (uint32_t a = 0; a < op->num_arguments; ++a) {
        const uint32_t index = m->arguments[op->first_argument + a];
        kernel_buffer* buffer = &s->buffers[index];
        if (pieces > 1 && a >= op->num_arguments - op->num_outputs) {
          *next_buffer = make_buffer(s, &m->buffers[index], next_dims);
          const int64_t from = granules * p / pieces * op->granule;
          int64_t to = granules * (p + 1) / pieces * op->granule;
          if (to > extent) to = extent;
          kernel_dim* dim = &next_dims[op->split_dim];
          next_buffer->host += from * dim->stride * (next_buffer->type_bits / 8);
          dim->min += (int32_t)from;
          dim->extent = (int32_t)(to - from);
          buffer = next_buffer++;
          next_dims += LATHE_MAX_RANK;
        }
        *next_argument++ = buffer;
      }
    }
  }
  return 0;
}

lathe_session* lathe_session_new(const lathe_module* module, int num_threads) {
  lathe_clear_error();
  if (num_threads <= 0) {
    cpu_set_t set;
    num_threads = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  }
  lathe_session* s = calloc(1, sizeof *s);
  if (!s) {
    lathe_fail("out of memory");
    return NULL;
  }
  s->module = module;
  s->arena_bytes = module->header->arena_bytes + 64;
  s->io_bytes = module->header->io_bytes + 64;
  s->arena = allocate(s->arena_bytes);
  s->io = allocate(s->io_bytes);
  s->pool = lathe_pool_new(num_threads);
  if (!s->arena || !s->io)
    lathe_fail("cannot allocate %zu bytes for the network's activations", s->arena_bytes + s->io_bytes);
  else if (!s->pool)
    lathe_fail("cannot start %d threads", num_threads);
  else if (prepare_calls(s, num_threads) == 0)
    return s;
  lathe_session_free(s);
  return NULL;
}

void lathe_session_free(lathe_session* s) {
  if (!s) return;
  lathe_pool_free(s->pool);
  if (s->arena) munmap(s->arena, s->arena_bytes);
  if (s->io) munmap(s->io, s->io_bytes);
  free(s->buffers);
  free(s->dims);
  free(s->arguments);
  free(s->calls);
  free(s->operations);
  free(s);
}

void* lathe_input(lathe_session* s, int index) {
  if (index >= 0 && index < lathe_num_inputs(s->module)) return s->io + s->module->tensors[index].offset;
  lathe_fail("there is no input %d; the module has %d", index, lathe_num_inputs(s->module));
  return NULL;
}

const void* lathe_output(const lathe_session* s, int index) {
  if (index >= 0 && index < lathe_num_outputs(s->module))
    return s->io + s->module->tensors[lathe_num_inputs(s->module) + index].offset;
  lathe_fail("there is no output %d; the module has %d", index, lathe_num_outputs(s->module));
  return NULL;
}

typedef struct {
  lathe_session* session;
  const call* calls;
} piece_context;

static void run_piece(void* context, int piece) {
  const piece_context* c = context;
  const int code = c->calls[piece].kernel(c->calls[piece].arguments);
  if (code != 0) __atomic_store_n(&c->session->failed, code, __ATOMIC_RELAXED);
}

static int run_operation(lathe_session* s, uint32_t index) {
  const lathe_plan_operation* op = &s->module->operations[index];
  for (uint32_t f = 0; f < op->num_fills; ++f) {
    const lathe_plan_fill* fill = &s->module->fills[op->first_fill + f];
    unsigned char* at = s->arena + fill->offset;
    for (uint64_t i = 0; i < fill->count; ++i, at += fill->stride) memset(at, (int)fill->value, fill->bytes);
  }
  const operation_calls* calls = &s->operations[index];
  piece_context context = {s, s->calls + calls->first_call};
  if (calls->num_calls == 1)
    run_piece(&context, 0);
  else
    lathe_pool_run(s->pool, calls->num_calls, run_piece, &context);
  if (s->failed)
    return lathe_fail("kernel %s failed with code %d", s->module->strings + op->kernel, s->failed);
  return 0;
}

int lathe_run_first(lathe_session* s, int count) {
  const int all = lathe_num_operations(s->module);
  s->failed = 0;
  for (int o = 0; o < (count < all ? count : all); ++o)
    if (run_operation(s, (uint32_t)o)) return -1;
  return 0;
}

int lathe_run(lathe_session* s) {
  return lathe_run_first(s, lathe_num_operations(s->module));
}

int lathe_num_written(const lathe_module* m, int operation) {
  return operation >= 0 && operation < lathe_num_operations(m) ? (int)m->operations[operation].num_outputs
                                                               : -1;
}

int lathe_written(const lathe_session* s, int operation, int index, lathe_view* view) {
  const lathe_module* m = s->module;
  if (index < 0 || index >= lathe_num_written(m, operation)) return lathe_fail("there is no such output");
  const lathe_plan_operation* op = &m->operations[operation];
  const kernel_buffer* buffer =
      &s->buffers[m->arguments[op->first_argument + op->num_arguments - op->num_outputs + (uint32_t)index]];
  *view = (lathe_view){.first = buffer->host,
                       .type_code = buffer->type_code,
                       .type_bits = buffer->type_bits,
                       .rank = buffer->dimensions};
  for (int d = 0; d < view->rank; ++d) {
    view->extent[d] = buffer->dim[d].extent;
    view->stride[d] = buffer->dim[d].stride;
  }
  return 0;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int lathe_run_profiled(lathe_session* s, double* seconds) {
  s->failed = 0;
  for (uint32_t o = 0; o < s->module->header->num_operations; ++o) {
    const double start = now();
    if (run_operation(s, o)) return -1;
    seconds[o] = now() - start;
  }
  return 0;
}
