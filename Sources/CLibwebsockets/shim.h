#pragma once
#include <uv.h>
#include <libwebsockets.h>

// Constants that are macros which Swift does not import.
static inline enum lws_write_protocol mlsrelay_lws_write_raw(void) { return LWS_WRITE_RAW; }
