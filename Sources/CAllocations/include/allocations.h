#pragma once
#include <stdint.h>

// How often memory was asked for in this process: malloc, calloc, realloc and the aligned ones, whoever called them.
uint64_t mlsrelay_allocation_count(void);

// How many bytes of memory are in use in this process, with what malloc adds to each piece. mallinfo2 would say the
// same but for what it keeps at hand.
uint64_t mlsrelay_allocated_byte_count(void);
