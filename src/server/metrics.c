/* Counters for Prometheus. Names and units are the conventions of its documentation; no label ever
 * holds anything of a customer. */
#include "server_internal.h"

#include <stdio.h>

static const double bucket_edge[CLADE__BUCKETS] = { 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                                    0.025,   0.05,   0.1,   0.5,    2.5,   10 };
static const char *const method_name[]          = { "GET", "POST", "PUT", "DELETE" };

void clade__count(clade__request *q)
{
    clade_server *const server  = q->server;
    const double        seconds = clade_seconds() - q->started;
    const size_t class          = q->status / 100 < 6 ? q->status / 100 : 5;
    size_t n                    = 0;
    while (clade__routes[n].pattern != NULL)
        n++;
    const size_t               at     = q->route == NULL ? n : (size_t)(q->route - clade__routes);
    clade__route_counts *const counts = &server->counts[at];
    counts->by_class[class]++;
    counts->n++;
    counts->seconds += seconds;
    for (size_t i = 0; i < CLADE__BUCKETS; i++) {
        if (seconds > bucket_edge[i]) continue;
        counts->bucket[i]++;
        break;
    }
    if (!server->options.log_requests && q->status < 500) return;
    clade_log(CLADE_LOG_INFO,
              "{\"event\":\"request\",\"method\":\"%s\",\"route\":\"%s\",\"status\":%u,"
              "\"seconds\":%.6f,\"key\":\"%s\"}",
              method_name[q->method], q->route == NULL ? "" : q->route->pattern, q->status, seconds,
              q->key < 0 ? "" : clade_keyring_get(server->ring, (size_t)q->key)->id);
}

static void head(clade_buffer *out, const char *name, const char *type, const char *help)
{
    clade_buffer_format(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_route(clade_buffer *out, const clade__route *route,
                      const clade__route_counts *counts)
{
    const char *const method  = route->pattern == NULL ? "" : method_name[route->method];
    const char *const pattern = route->pattern == NULL ? "other" : route->pattern;
    uint64_t          below   = 0;
    for (size_t i = 0; i < CLADE__BUCKETS; i++) {
        below += counts->bucket[i];
        clade_buffer_format(out,
                            "clade_http_request_duration_seconds_bucket{method=\"%s\",route=\"%s\","
                            "le=\"%g\"} %llu\n",
                            method, pattern, bucket_edge[i], (unsigned long long)below);
    }
    clade_buffer_format(out,
                        "clade_http_request_duration_seconds_bucket{method=\"%s\",route=\"%s\","
                        "le=\"+Inf\"} %llu\n"
                        "clade_http_request_duration_seconds_sum{method=\"%s\",route=\"%s\"} %.6f\n"
                        "clade_http_request_duration_seconds_count{method=\"%s\",route=\"%s\"} "
                        "%llu\n",
                        method, pattern, (unsigned long long)counts->n, method, pattern,
                        counts->seconds, method, pattern, (unsigned long long)counts->n);
}

static void put_requests(clade_buffer *out, const clade_server *server)
{
    size_t i = 0;
    head(out, "clade_http_requests_total", "counter", "Requests that were answered.");
    do {
        const clade__route *const route = &clade__routes[i];
        for (int class = 2; class < 6; class ++) {
            if (server->counts[i].by_class[class] == 0) continue;
            clade_buffer_format(
                out, "clade_http_requests_total{method=\"%s\",route=\"%s\",status=\"%dxx\"} %llu\n",
                route->pattern == NULL ? "" : method_name[route->method],
                route->pattern == NULL ? "other" : route->pattern, class,
                (unsigned long long)server->counts[i].by_class[class]);
        }
    } while (clade__routes[i++].pattern != NULL);
    head(out, "clade_http_request_duration_seconds", "histogram",
         "From the whole header to the answer.");
    i = 0;
    do {
        if (server->counts[i].n > 0) put_route(out, &clade__routes[i], &server->counts[i]);
    } while (clade__routes[i++].pattern != NULL);
}

static void put_one(clade_buffer *out, const char *name, const char *type, const char *help,
                    double value)
{
    head(out, name, type, help);
    clade_buffer_format(out, "%s %.17g\n", name, value);
}

/* Bytes of memory that the process holds now. */
static double resident_bytes(void)
{
    long        pages = 0;
    FILE *const file  = fopen("/proc/self/statm", "r");
    if (file == NULL) return 0;
    if (fscanf(file, "%*s %ld", &pages) != 1) pages = 0;
    fclose(file);
    return (double)pages * 4096;
}

void clade__get_metrics(clade__request *q)
{
    clade_server *const server = q->server;
    clade_buffer *const out    = &q->out;
    clade_buffer_clear(out);
    head(out, "clade_build_info", "gauge", "The build that answers.");
    clade_buffer_format(out, "clade_build_info{version=\"%s\"} 1\n", CLADE_VERSION);
    put_requests(out, server);
    put_one(out, "clade_http_connections", "gauge", "Open connections.",
            (double)server->n_connections);
    put_one(out, "clade_http_refused_rate_total", "counter", "Requests refused by a rate limit.",
            (double)server->n_refused_rate);
    put_one(out, "clade_http_refused_key_total", "counter",
            "Requests refused for their key or its role.", (double)server->n_refused_key);
    put_one(out, "clade_uptime_seconds", "gauge", "Since the server was made ready.",
            clade_seconds() - server->started);
    put_one(out, "clade_resident_memory_bytes", "gauge", "Memory of the process.",
            resident_bytes());
    clade__metrics_model(out, server);
    clade__metrics_intake(out, server);
    q->status       = 200;
    q->content_type = "text/plain; version=0.0.4; charset=utf-8";
}
