#pragma once
#include <pthread.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

// EPOLLIN and its like are values of an enumeration that Swift wraps; these are the plain numbers.
static inline uint32_t mlsrelay_EPOLLIN(void) { return EPOLLIN; }
static inline uint32_t mlsrelay_EPOLLOUT(void) { return EPOLLOUT; }
static inline uint32_t mlsrelay_EPOLLERR(void) { return EPOLLERR; }
static inline uint32_t mlsrelay_EPOLLHUP(void) { return EPOLLHUP; }

// A GNU extension, which the headers show under _GNU_SOURCE alone; that would make them differ from the Glibc module's.
extern int pthread_setname_np(pthread_t thread, const char *name);
static inline int mlsrelay_name_thread(const char *name) { return pthread_setname_np(pthread_self(), name); }
