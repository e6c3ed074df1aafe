#include "allocations.h"

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>

// An executable's malloc takes the place of glibc's for all libraries in the process; glibc's own stays under these
// names.
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static _Atomic uint64_t allocation_count;
static _Atomic uint64_t byte_count;

uint64_t mlsrelay_allocation_count(void) { return atomic_load_explicit(&allocation_count, memory_order_relaxed); }

uint64_t mlsrelay_allocated_byte_count(void) { return atomic_load_explicit(&byte_count, memory_order_relaxed); }

// The word before it is malloc's own.
static uint64_t size_of(void *memory) { return memory ? malloc_usable_size(memory) + sizeof(size_t) : 0; }

static void *counted(void *memory) {
  atomic_fetch_add_explicit(&allocation_count, 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&byte_count, size_of(memory), memory_order_relaxed);
  return memory;
}

void *malloc(size_t size) { return counted(__libc_malloc(size)); }

void *calloc(size_t number, size_t size) { return counted(__libc_calloc(number, size)); }

void *memalign(size_t alignment, size_t size) { return counted(__libc_memalign(alignment, size)); }

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **memory, size_t alignment, size_t size) {
  *memory = memalign(alignment, size);
  return *memory ? 0 : ENOMEM;
}

void *realloc(void *memory, size_t size) {
  uint64_t before = size_of(memory);
  void *moved = __libc_realloc(memory, size);
  if (moved || size == 0) atomic_fetch_sub_explicit(&byte_count, before, memory_order_relaxed);
  return moved ? counted(moved) : NULL;
}

void free(void *memory) {
  atomic_fetch_sub_explicit(&byte_count, size_of(memory), memory_order_relaxed);
  __libc_free(memory);
}
