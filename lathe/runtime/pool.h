/* A few threads that take pieces of one loop at a time. */
#ifndef LATHE_POOL_H
#define LATHE_POOL_H

typedef struct lathe_pool lathe_pool;
typedef void (*lathe_piece)(void* context, int piece);

lathe_pool* lathe_pool_new(int num_threads); /* NULL: no memory or no threads */
void lathe_pool_free(lathe_pool* pool);
int lathe_pool_threads(const lathe_pool* pool);
/* piece(context, 0 … count-1), each once, on any thread; returns when all are done. The caller takes pieces
 * too, so a thread that lost its processor before it took one delays nobody. count < 2^20. */
void lathe_pool_run(lathe_pool* pool, int count, lathe_piece piece, void* context);

#endif
