#pragma once
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <uv.h>
#include <libwebsockets.h>

// Constants that are macros which Swift does not import.
static inline enum lws_write_protocol mlsrelay_lws_write_raw(void) { return LWS_WRITE_RAW; }

// GNU's own, which glibc's headers show only to programs that ask for them.
extern int accept4(int socket, struct sockaddr *address, socklen_t *size, int flags);
extern int pthread_setname_np(pthread_t thread, const char *name);
