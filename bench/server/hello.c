/* How fast can libmicrohttpd be here? One epoll loop, one fixed answer: hello PORT BYTES. */
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char  *body;
static size_t size;

static enum MHD_Result take(void *context, struct MHD_Connection *connection, const char *url,
                            const char *method, const char *version, const char *data,
                            size_t *data_size, void **closure)
{
    static int seen;
    (void)context, (void)url, (void)method, (void)version, (void)data;
    if (*closure == NULL) { /* the header alone */
        *closure = &seen;
        return MHD_YES;
    }
    if (*data_size > 0) {
        *data_size = 0;
        return MHD_YES;
    }
    struct MHD_Response *const answer =
        MHD_create_response_from_buffer(size, body, MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(answer, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    const enum MHD_Result queued = MHD_queue_response(connection, MHD_HTTP_OK, answer);
    MHD_destroy_response(answer);
    return queued;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: hello PORT BYTES\n");
        return 2;
    }
    size = (size_t)strtoul(argv[2], NULL, 10);
    body = malloc(size + 1);
    if (body == NULL) return 1;
    memset(body, 'x', size);
    struct MHD_Daemon *const daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, (uint16_t)atoi(argv[1]), NULL, NULL, take,
                         NULL, MHD_OPTION_END);
    if (daemon == NULL) return 1;
    pause();
    return 0;
}
