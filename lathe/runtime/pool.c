#define _GNU_SOURCE
#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#if defined(__x86_64__)
#define RELAX() __builtin_ia32_pause()
#else
#define RELAX() ((void)0)
#endif

enum { kSpins = 4000, kPieceBits = 20, kStackBytes = 8 << 20 };
static const uint64_t kPieceMask = (1u << kPieceBits) - 1;

/* ticket: generation (24 bits) | number of pieces (20) | next piece (20). Whoever adds one has taken a piece of just
 * that generation, whatever was published since; fields of a generation change only when all its pieces are done. */
struct lathe_pool {
  int num_threads;
  pthread_t* threads; /* num_threads - 1 */
  _Alignas(64) atomic_uint_fast64_t ticket;
  _Alignas(64) atomic_int done;
  lathe_piece piece;
  void* context;
  pthread_mutex_t mutex;
  pthread_cond_t wake;
  atomic_int sleepers;
  atomic_bool stopping;
};

static uint64_t generation_of(uint64_t ticket) { return ticket >> (2 * kPieceBits); }

static void take_pieces(lathe_pool* pool) {
  for (;;) {
    /* Reading first keeps idle threads from counting the ticket up. */
    uint64_t seen = atomic_load_explicit(&pool->ticket, memory_order_acquire);
    if ((seen & kPieceMask) >= ((seen >> kPieceBits) & kPieceMask)) return;
    uint64_t mine = atomic_fetch_add_explicit(&pool->ticket, 1, memory_order_acq_rel);
    uint64_t index = mine & kPieceMask;
    if (index >= ((mine >> kPieceBits) & kPieceMask)) return;
    pool->piece(pool->context, (int)index);
    atomic_fetch_add_explicit(&pool->done, 1, memory_order_release);
  }
}

static void* work(void* argument) {
  lathe_pool* pool = argument;
  uint64_t last = 0;
  while (!atomic_load_explicit(&pool->stopping, memory_order_acquire)) {
    int spins = 0;
    while (generation_of(atomic_load_explicit(&pool->ticket, memory_order_acquire)) == last &&
           !atomic_load_explicit(&pool->stopping, memory_order_relaxed)) {
      if (++spins < kSpins) {
        RELAX();
        continue;
      }
      pthread_mutex_lock(&pool->mutex);
      atomic_fetch_add(&pool->sleepers, 1);
      while (generation_of(atomic_load(&pool->ticket)) == last && !atomic_load(&pool->stopping))
        pthread_cond_wait(&pool->wake, &pool->mutex);
      atomic_fetch_sub(&pool->sleepers, 1);
      pthread_mutex_unlock(&pool->mutex);
    }
    last = generation_of(atomic_load_explicit(&pool->ticket, memory_order_acquire));
    take_pieces(pool);
  }
  return NULL;
}

void lathe_pool_run(lathe_pool* pool, int count, lathe_piece piece, void* context) {
  if (pool->num_threads == 1 || count == 1) {
    for (int i = 0; i < count; ++i) piece(context, i);
    return;
  }
  pool->piece = piece;
  pool->context = context;
  atomic_store_explicit(&pool->done, 0, memory_order_relaxed);
  const uint64_t next = (generation_of(atomic_load(&pool->ticket)) + 1) & 0xFFFFFF;
  atomic_store(&pool->ticket, next << (2 * kPieceBits) | (uint64_t)count << kPieceBits);
  if (atomic_load(&pool->sleepers) > 0) {
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
  }
  take_pieces(pool);
  for (int spins = 0; atomic_load_explicit(&pool->done, memory_order_acquire) < count; ++spins) {
    if (spins < kSpins)
      RELAX();
    else
      sched_yield();
  }
}

lathe_pool* lathe_pool_new(int num_threads) {
  lathe_pool* pool = aligned_alloc(64, (sizeof(lathe_pool) + 63) / 64 * 64);
  if (!pool) return NULL;
  *pool = (lathe_pool){.num_threads = 1};
  pthread_mutex_init(&pool->mutex, NULL);
  pthread_cond_init(&pool->wake, NULL);
  if (num_threads <= 1) return pool;
  pool->threads = calloc((size_t)num_threads - 1, sizeof(pthread_t));
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  while (pool->threads && pool->num_threads < num_threads &&
         pthread_create(&pool->threads[pool->num_threads - 1], &attributes, work, pool) == 0)
    ++pool->num_threads;
  pthread_attr_destroy(&attributes);
  if (pool->num_threads == num_threads) return pool;
  lathe_pool_free(pool);
  return NULL;
}

void lathe_pool_free(lathe_pool* pool) {
  if (!pool) return;
  pthread_mutex_lock(&pool->mutex);
  atomic_store(&pool->stopping, 1);
  pthread_cond_broadcast(&pool->wake);
  pthread_mutex_unlock(&pool->mutex);
  for (int i = 0; i + 1 < pool->num_threads; ++i) pthread_join(pool->threads[i], NULL);
  free(pool->threads);
  pthread_cond_destroy(&pool->wake);
  pthread_mutex_destroy(&pool->mutex);
  free(pool);
}

int lathe_pool_threads(const lathe_pool* pool) { return pool->num_threads; }
