/* sd-bus, loaded when systemd is first asked: libsystemd brings four more libraries with it. The functions
 * below are called by their own names, by whoever has a bus from real_bus_new(), which loads them. Private to
 * this folder. */
#ifndef CITRUS_BUS_H
#define CITRUS_BUS_H
#include "error.h"
#include <systemd/sd-bus.h>

/* Of a unit, for sd_bus_path_encode(). */
#define UNIT_PATH "/org/freedesktop/systemd1/unit"

#define BUS_FUNCTIONS(X)                                                                                     \
    X(sd_bus_call)                                                                                           \
    X(sd_bus_call_method)                                                                                    \
    X(sd_bus_error_free)                                                                                     \
    X(sd_bus_error_has_name)                                                                                 \
    X(sd_bus_flush_close_unref)                                                                              \
    X(sd_bus_get_fd)                                                                                         \
    X(sd_bus_get_property_trivial)                                                                           \
    X(sd_bus_is_open)                                                                                        \
    X(sd_bus_match_signal)                                                                                   \
    X(sd_bus_message_append)                                                                                 \
    X(sd_bus_message_close_container)                                                                        \
    X(sd_bus_message_enter_container)                                                                        \
    X(sd_bus_message_new_method_call)                                                                        \
    X(sd_bus_message_open_container)                                                                         \
    X(sd_bus_message_read)                                                                                   \
    X(sd_bus_message_unref)                                                                                  \
    X(sd_bus_new)                                                                                            \
    X(sd_bus_open_system)                                                                                    \
    X(sd_bus_path_encode)                                                                                    \
    X(sd_bus_process)                                                                                        \
    X(sd_bus_set_address)                                                                                    \
    X(sd_bus_set_method_call_timeout)                                                                        \
    X(sd_bus_slot_unref)                                                                                     \
    X(sd_bus_start)                                                                                          \
    X(sd_bus_unref)                                                                                          \
    X(sd_bus_wait)

struct bus_api {
#define X(f) __typeof__(&f) f;
    BUS_FUNCTIONS(X)
#undef X
};
extern struct bus_api bus_api;
int bus_load(struct error *err);

#define sd_bus_call                    bus_api.sd_bus_call
#define sd_bus_call_method             bus_api.sd_bus_call_method
#define sd_bus_error_free              bus_api.sd_bus_error_free
#define sd_bus_error_has_name          bus_api.sd_bus_error_has_name
#define sd_bus_flush_close_unref       bus_api.sd_bus_flush_close_unref
#define sd_bus_get_fd                  bus_api.sd_bus_get_fd
#define sd_bus_get_property_trivial    bus_api.sd_bus_get_property_trivial
#define sd_bus_is_open                 bus_api.sd_bus_is_open
#define sd_bus_match_signal            bus_api.sd_bus_match_signal
#define sd_bus_message_append          bus_api.sd_bus_message_append
#define sd_bus_message_close_container bus_api.sd_bus_message_close_container
#define sd_bus_message_enter_container bus_api.sd_bus_message_enter_container
#define sd_bus_message_new_method_call bus_api.sd_bus_message_new_method_call
#define sd_bus_message_open_container  bus_api.sd_bus_message_open_container
#define sd_bus_message_read            bus_api.sd_bus_message_read
#define sd_bus_message_unref           bus_api.sd_bus_message_unref
#define sd_bus_new                     bus_api.sd_bus_new
#define sd_bus_open_system             bus_api.sd_bus_open_system
#define sd_bus_path_encode             bus_api.sd_bus_path_encode
#define sd_bus_process                 bus_api.sd_bus_process
#define sd_bus_set_address             bus_api.sd_bus_set_address
#define sd_bus_set_method_call_timeout bus_api.sd_bus_set_method_call_timeout
#define sd_bus_slot_unref              bus_api.sd_bus_slot_unref
#define sd_bus_start                   bus_api.sd_bus_start
#define sd_bus_unref                   bus_api.sd_bus_unref
#define sd_bus_wait                    bus_api.sd_bus_wait

#endif
