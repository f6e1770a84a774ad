#include "http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static http_answer answer;

int http_connect(int port)
{
    struct sockaddr_in   at    = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    const struct timeval limit = { .tv_sec = 30 };
    const int            fd    = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0) return fd;
    close(fd);
    return -1;
}

/* Bytes of the body that the head promises. */
static size_t promised(const char *head)
{
    const char *const at = strcasestr(head, "\r\nContent-Length:");
    return at == NULL ? 0 : strtoul(at + 17, NULL, 10);
}

static void read_answer(int fd)
{
    char        piece[65536];
    const char *end = NULL;
    ssize_t     got;
    clade_buffer_clear(&answer.head);
    clade_buffer_clear(&answer.body);
    answer.status = 0;
    while (end == NULL && (got = recv(fd, piece, sizeof piece, 0)) > 0) {
        clade_buffer_append(&answer.head, piece, (size_t)got);
        end = strstr(answer.head.data, "\r\n\r\n");
    }
    if (end == NULL) return;
    const size_t head = (size_t)(end - answer.head.data) + 4;
    clade_buffer_append(&answer.body, answer.head.data + head, answer.head.size - head);
    answer.head.size       = head;
    answer.head.data[head] = '\0';
    const int status       = atoi(answer.head.data + 9);
    if (status == 100) { /* go on */
        read_answer(fd);
        return;
    }
    while (answer.body.size < promised(answer.head.data)) {
        got = recv(fd, piece, sizeof piece, 0);
        if (got <= 0) return; /* cut short: no answer */
        clade_buffer_append(&answer.body, piece, (size_t)got);
    }
    answer.status = status;
}

const http_answer *http_exchange(int fd, const void *bytes, size_t size)
{
    size_t sent = 0;
    while (sent < size) {
        const ssize_t put = send(fd, (const char *)bytes + sent, size - sent, MSG_NOSIGNAL);
        if (put <= 0) break; /* closed: the answer may be there all the same */
        sent += (size_t)put;
    }
    read_answer(fd);
    return &answer;
}

const http_answer *http_ask(int port, const char *method, const char *path, const char *key,
                            const char *more, const char *body)
{
    clade_buffer request = { 0 };
    const int    fd      = http_connect(port);
    answer.status        = 0;
    if (fd < 0) return &answer;
    clade_buffer_format(&request, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n", method, path, port);
    if (key != NULL) clade_buffer_format(&request, "Authorization: Bearer %s\r\n", key);
    clade_buffer_text(&request, more);
    if (body != NULL) clade_buffer_format(&request, "Content-Length: %zu\r\n", strlen(body));
    clade_buffer_text(&request, "\r\n");
    if (body != NULL) clade_buffer_text(&request, body);
    const http_answer *const got = http_exchange(fd, request.data, request.size);
    clade_buffer_free(&request);
    close(fd);
    return got;
}

const char *http_header(const http_answer *from, const char *name)
{
    static char value[512];
    char        want[128];
    snprintf(want, sizeof want, "\r\n%s:", name);
    const char *at = from->head.data == NULL ? NULL : strcasestr(from->head.data, want);
    if (at == NULL) return "";
    at += strlen(want);
    while (*at == ' ')
        at++;
    snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "\r\n"), at);
    return value;
}

static const clade_json_node *step(const clade_json_tree *tree, const clade_json_node *node,
                                   const char *part)
{
    if (node->type == CLADE_JSON_OBJECT) return clade_json_get(tree, node, part);
    if (node->type != CLADE_JSON_ARRAY || (uint32_t)atoi(part) >= node->n) return NULL;
    const clade_json_node *child = node + 1;
    for (int i = atoi(part); i > 0; i--)
        child = tree->node + child->next;
    return child;
}

static const clade_json_node *find(const http_answer *from, const char *path)
{
    static clade_arena    *arena;
    static clade_json_tree tree;
    clade_error            err = { 0 };
    clade_arena_free(arena);
    arena = clade_arena_create(0);
    if (clade_json_parse(&tree, (clade_text){ from->body.data, from->body.size }, arena, &err) !=
        CLADE_OK) {
        print_error("not JSON: %s\n%.300s\n", err.message, from->body.data);
        fail();
    }
    const clade_json_node *node = tree.node;
    while (node != NULL && *path != '\0') {
        char         part[128];
        const size_t size = strcspn(path, "/");
        snprintf(part, sizeof part, "%.*s", (int)size, path);
        path += size + (path[size] == '/');
        node = step(&tree, node, part);
    }
    return node;
}

const char *http_text(const http_answer *from, const char *path)
{
    static char                  text[4096];
    const clade_json_node *const node = find(from, path);
    if (node == NULL || node->type != CLADE_JSON_TEXT) return "";
    snprintf(text, sizeof text, "%.*s", (int)node->text.size, node->text.data);
    return text;
}

double http_number(const http_answer *from, const char *path)
{
    const clade_json_node *const node = find(from, path);
    if (node == NULL) return (double)NAN;
    if (node->type == CLADE_JSON_ARRAY || node->type == CLADE_JSON_OBJECT) return node->n;
    if (node->type == CLADE_JSON_BOOL) return node->boolean;
    return node->type == CLADE_JSON_NUMBER ? node->number : (double)NAN;
}

/* ---------------------------------------------------------------- a server in a thread */

static void *serve(void *context)
{
    clade_error err = { 0 };
    if (clade_server_run(context, &err) != CLADE_OK) print_error("%s\n", err.message);
    return NULL;
}

void http_server_start(http_server *out, const char *workspace, const clade_server_options *given)
{
    clade_error               err     = { 0 };
    clade_server_options      options = given == NULL ? (clade_server_options){ 0 } : *given;
    const clade_store_options how     = { .create = true, .memory_bytes = 512 << 20 };
    if (options.grace_seconds == 0) options.grace_seconds = 2;
    if (clade_store_open(&out->store, workspace, &how, &err) != CLADE_OK ||
        clade_server_create(&out->server, out->store, &options, &err) != CLADE_OK) {
        print_error("%s\n", err.message);
        fail();
    }
    out->port = clade_server_port(out->server);
    for (int role = 0; role < CLADE_N_ROLE; role++) {
        const char *const key = clade_server_new_key(out->server, (clade_role)role);
        if (key != NULL) snprintf(out->key[role], sizeof out->key[role], "%s", key);
    }
    clade_server_keys_wipe(out->server);
    assert_int_equal(pthread_create(&out->thread, NULL, serve, out->server), 0);
}

void http_server_stop(http_server *server)
{
    clade_server_stop(server->server);
    pthread_join(server->thread, NULL);
    clade_server_free(server->server);
    clade_store_close(server->store);
    server->server = NULL;
    server->store  = NULL;
}
