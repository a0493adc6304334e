#include "plan.h"

#include <stdlib.h>
#include <string.h>

#include "module.h"

#define REQUIRE(condition, what)                                                                       \
  do {                                                                                                 \
    if (!(condition)) return lathe_fail("%s is damaged (%s); compile the model again", file, what);    \
  } while (0)

enum { kMaxRank = 8 };
static const uint64_t kMaxBytes = (uint64_t)1 << 46;

static int check_string(const lathe_module* m, uint32_t offset, const char* file) {
  REQUIRE(offset < m->header->strings_bytes, "a name beyond the end");
  return 0;
}

/* 0: no such type. */
static uint32_t bytes_of_type(const char* name) {
  static const struct {
    const char* name;
    uint32_t bytes;
  } types[] = {{"f32", 4}, {"f64", 8}, {"i64", 8}, {"i32", 4}, {"i16", 2}, {"i8", 1}, {"u8", 1}, {"bool", 1}};
  for (size_t i = 0; i < sizeof types / sizeof *types; ++i)
    if (strcmp(types[i].name, name) == 0) return types[i].bytes;
  return 0;
}

static uint64_t place_bytes(const lathe_module* m, uint32_t place) {
  const lathe_plan_header* h = m->header;
  return place == LATHE_ARENA ? h->arena_bytes : place == LATHE_IO ? h->io_bytes : h->params_bytes;
}

static int check_buffer(const lathe_module* m, const lathe_plan_buffer* b, const char* file) {
  const lathe_plan_header* h = m->header;
  REQUIRE(b->place <= LATHE_PARAMS, "an unknown place");
  const uint32_t bits = b->type_bits;
  REQUIRE(bits == 32 || bits == 64 || ((bits == 8 || bits == 16) && b->type_code != 2), "an unknown type");
  REQUIRE(b->type_code <= 2, "an unknown type");
  REQUIRE(b->rank <= kMaxRank && b->first_dim <= h->num_dims && b->rank <= h->num_dims - b->first_dim,
          "a view's dimensions");
  uint64_t span = 1; /* elements from the first to the last */
  for (uint32_t d = 0; d < b->rank; ++d) {
    const lathe_plan_dim* dim = &m->dims[b->first_dim + d];
    REQUIRE(dim->extent > 0 && dim->stride >= 0 && (int64_t)dim->min + dim->extent <= INT32_MAX, "a view's extents");
    span += (uint64_t)(dim->extent - 1) * (uint64_t)dim->stride;
    REQUIRE(span < kMaxBytes, "a view's extents");
  }
  REQUIRE(b->offset % (bits / 8) == 0, "a view's offset");
  const uint64_t bytes = span * (bits / 8), room = place_bytes(m, b->place);
  REQUIRE(b->offset <= room && bytes <= room - b->offset, "a view beyond its memory");
  return 0;
}

static int check_operation(const lathe_module* m, const lathe_plan_operation* op, const char* file) {
  const lathe_plan_header* h = m->header;
  if (check_string(m, op->kernel, file) || check_string(m, op->source, file)) return -1;
  REQUIRE(strncmp(m->strings + op->kernel, "lathe_", 6) == 0, "a kernel's name");
  REQUIRE(op->first_argument <= h->num_arguments && op->num_arguments <= h->num_arguments - op->first_argument,
          "an operation's arguments");
  REQUIRE(op->num_arguments <= 4096 && op->num_outputs >= 1 && op->num_outputs <= op->num_arguments,
          "an operation's outputs");
  REQUIRE(op->first_fill <= h->num_fills && op->num_fills <= h->num_fills - op->first_fill, "an operation's fills");
  REQUIRE(op->granule >= 1 && op->granule <= INT32_MAX, "an operation's granule");
  for (uint32_t a = 0; a < op->num_arguments; ++a)
    REQUIRE(m->arguments[op->first_argument + a] < h->num_buffers, "an argument");
  const uint32_t first_output = op->first_argument + op->num_arguments - op->num_outputs;
  for (uint32_t o = 0; o < op->num_outputs; ++o) {
    const lathe_plan_buffer* buffer = &m->buffers[m->arguments[first_output + o]];
    REQUIRE(buffer->place != LATHE_PARAMS, "an output among the parameters");
    REQUIRE(op->split_dim < (int32_t)buffer->rank, "a split dimension");
    REQUIRE(op->split_dim < 0 || m->dims[buffer->first_dim + (uint32_t)op->split_dim].extent ==
                                     m->dims[m->buffers[m->arguments[first_output]].first_dim +
                                             (uint32_t)op->split_dim].extent,
            "outputs of different extents");
  }
  return 0;
}

int lathe_check_plan(lathe_module* m, const char* file) {
  REQUIRE(m->plan.size >= sizeof(lathe_plan_header) + 8, "too short");
  const lathe_plan_header* h = (const lathe_plan_header*)m->plan.bytes;
  REQUIRE(memcmp(h->magic, LATHE_PLAN_MAGIC, 8) == 0, "no plan");
  if (h->abi != LATHE_ABI)
    return lathe_fail("%s is of version %u, this runtime reads version %d; compile the model again", file, h->abi,
                      LATHE_ABI);
  const uint64_t body = m->plan.size - 8;
  uint64_t hash;
  memcpy(&hash, m->plan.bytes + body, 8);
  REQUIRE(hash == lathe_xxhash64(m->plan.bytes, body, 0), "its checksum differs");

  m->header = h;
  const uint64_t num_tensors = (uint64_t)h->num_inputs + h->num_outputs;
  uint64_t at = sizeof(lathe_plan_header);
#define PART(field, type, count)                          \
  m->field = (const type*)(m->plan.bytes + at);           \
  at += (uint64_t)(count) * sizeof(type);                 \
  REQUIRE(at <= body, "a part beyond the end")
  PART(tensors, lathe_plan_tensor, num_tensors);
  PART(operations, lathe_plan_operation, h->num_operations);
  PART(fills, lathe_plan_fill, h->num_fills);
  PART(buffers, lathe_plan_buffer, h->num_buffers);
  PART(dims, lathe_plan_dim, h->num_dims);
  PART(arguments, uint32_t, h->num_arguments);
  PART(strings, char, h->strings_bytes);
#undef PART
  REQUIRE(at == body, "its length");
  REQUIRE(h->strings_bytes > 0 && m->strings[h->strings_bytes - 1] == 0, "its names");
  REQUIRE(h->arena_bytes < kMaxBytes && h->io_bytes < kMaxBytes, "its sizes");
  REQUIRE(h->isa <= 3, "its instruction set");
  for (uint64_t t = 0; t < num_tensors; ++t) {
    const lathe_plan_tensor* tensor = &m->tensors[t];
    if (check_string(m, tensor->name, file) || check_string(m, tensor->dtype, file)) return -1;
    uint64_t bytes = tensor->element_bytes;
    REQUIRE(tensor->rank <= kMaxRank && bytes > 0 && bytes == bytes_of_type(m->strings + tensor->dtype), "a tensor");
    for (uint32_t d = 0; d < tensor->rank; ++d) {
      REQUIRE(tensor->shape[d] > 0 && (uint64_t)tensor->shape[d] < kMaxBytes / bytes, "a tensor's shape");
      bytes *= (uint64_t)tensor->shape[d];
    }
    REQUIRE(tensor->offset % tensor->element_bytes == 0, "a tensor's offset");
    REQUIRE(tensor->offset <= h->io_bytes && bytes <= h->io_bytes - tensor->offset, "a tensor beyond its memory");
  }
  for (uint32_t b = 0; b < h->num_buffers; ++b)
    if (check_buffer(m, &m->buffers[b], file)) return -1;
  for (uint32_t o = 0; o < h->num_operations; ++o)
    if (check_operation(m, &m->operations[o], file)) return -1;
  for (uint32_t f = 0; f < h->num_fills; ++f) {
    const lathe_plan_fill* fill = &m->fills[f];
    REQUIRE(fill->count > 0 && fill->bytes > 0 && fill->bytes <= fill->stride && fill->stride < kMaxBytes / fill->count &&
                fill->value <= 255,
            "a fill");
    const uint64_t span = (fill->count - 1) * fill->stride + fill->bytes;
    REQUIRE(fill->offset <= h->arena_bytes && span <= h->arena_bytes - fill->offset, "a fill beyond the arena");
  }
  return 0;
}
