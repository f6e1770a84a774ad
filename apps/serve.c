/* clade serve: the shop's events in and its answers out over HTTP; or the keys that open it. */
#include "clade/server.h"
#include "command.h"

#include <signal.h>
#include <stdlib.h>

/* ---------------------------------------------------------------- keys */

static clade_status show_keys(command *c, const clade_keyring *ring)
{
    clade_json *const json = command_json(c);
    command_table    *t =
        command_table_start(c, "llll", COMMAND_SAY(c, "key", "密钥"), COMMAND_SAY(c, "for", "用途"),
                            COMMAND_SAY(c, "made", "创建"), COMMAND_SAY(c, "revoked", "吊销"));
    clade_json_key(json, "keys");
    clade_json_array(json);
    for (size_t i = 0; i < clade_keyring_n(ring); i++) {
        const clade_key *const key = clade_keyring_get(ring, i);
        char                   made[40], revoked[40] = "";
        clade_time_format(made, key->created_us);
        if (key->revoked_us != 0) clade_time_format(revoked, key->revoked_us);
        command_cell(t, "%s", key->id);
        command_cell(t, "%s", clade_role_name(key->role));
        command_cell(t, "%s", made);
        command_cell(t, "%s", revoked);
        clade_json_object(json);
        clade_json_put_text(json, "id", key->id);
        clade_json_put_text(json, "role", clade_role_name(key->role));
        clade_json_put_text(json, "created", made);
        clade_json_put_text(json, "revoked", revoked[0] == '\0' ? NULL : revoked);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
    command_table_end(t);
    return CLADE_OK;
}

static clade_status make_key(command *c, clade_keyring *ring, const char *name, clade_error *err)
{
    clade_role role;
    char       secret[CLADE_KEY_SECRET];
    CLADE_TRY(clade_role_parse(&role, name, err));
    CLADE_TRY(clade_keyring_make(secret, ring, role, err));
    command_print(c, "%s\n", secret);
    command_note(c, "%s",
                 COMMAND_SAY(c, "This is the only time that it is told; its hash is kept.\n",
                             "密钥只显示这一次；仅保存其哈希。\n"));
    clade_json_put_text(command_json(c), "role", name);
    clade_json_put_text(command_json(c), "key", secret);
    explicit_bzero(secret, sizeof secret);
    return CLADE_OK;
}

static clade_status change_keys(command *c, clade_store *store, clade_error *err)
{
    const char *const make   = command_value(c, "new-key", 0);
    const char *const revoke = command_value(c, "revoke-key", 0);
    clade_keyring    *ring   = NULL;
    CLADE_TRY(clade_keyring_open(&ring, store, err));
    clade_status status = CLADE_OK;
    if (revoke != NULL) status = clade_keyring_revoke(ring, revoke, err);
    if (status == CLADE_OK && make != NULL)
        status = make_key(c, ring, make, err);
    else if (status == CLADE_OK)
        status = show_keys(c, ring);
    clade_keyring_free(ring);
    return status;
}

/* ---------------------------------------------------------------- serve */

static clade_server *running; /* for the signal handler: one server a process */

static void on_signal(int number)
{
    (void)number;
    clade_server_stop(running);
}

static void take_signals(bool on)
{
    struct sigaction action = { 0 };
    action.sa_handler       = on_signal;
    if (!on) action.sa_handler = SIG_DFL;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

typedef struct serve_number {
    const char *option;
    int64_t     low, high;
    int64_t     value;
} serve_number;

static clade_status read_options(clade_server_options *out, const command *c, clade_error *err)
{
    serve_number n[] = {
        { "port", 0, 65535, 7070 },         { "max-body", 1024, 1 << 30, 0 },
        { "max-event", 256, 1 << 20, 0 },   { "max-batch", 1, 100000, 0 },
        { "max-header", 4096, 1 << 20, 0 }, { "max-connections", 1, 1000000, 0 },
        { "max-waiting", 1, 100000, 0 },    { "idle", 1, 86400, 0 },
        { "request-time", 1, 86400, 0 },    { "grace", 1, 3600, 0 },
        { "refresh", 1, 86400 * 30, 0 },
    };
    for (size_t i = 0; i < sizeof n / sizeof n[0]; i++)
        CLADE_TRY(command_int(&n[i].value, c, n[i].option, n[i].value, n[i].low, n[i].high, err));
    double rate, burst;
    CLADE_TRY(command_real(&rate, c, "rate", 0, 0, 1e9, err));
    CLADE_TRY(command_real(&burst, c, "burst", 0, 0, 1e9, err));
    *out = (clade_server_options){
        .host             = command_value(c, "host", 0),
        .port             = (int)n[0].value,
        .cert             = command_value(c, "cert", 0),
        .key              = command_value(c, "key", 0),
        .allow_origin     = command_value(c, "allow-origin", 0),
        .max_body_bytes   = (size_t)n[1].value,
        .max_event_bytes  = (size_t)n[2].value,
        .max_batch_events = (size_t)n[3].value,
        .max_header_bytes = (size_t)n[4].value,
        .max_connections  = (int)n[5].value,
        .max_waiting      = (int)n[6].value,
        .idle_seconds     = (int)n[7].value,
        .request_seconds  = (int)n[8].value,
        .grace_seconds    = (int)n[9].value,
        .refresh_seconds  = (int)n[10].value,
        .rate             = rate,
        .burst            = burst,
        .min_group        = c->min_group,
        .log_requests     = command_has(c, "log-requests"),
    };
    return CLADE_OK;
}

/* The one moment at which keys are told. */
static void show_start(command *c, const clade_server *server, const clade_server_options *o)
{
    static const command_words words[CLADE_N_ROLE] = { { "write key  ", "写入密钥" },
                                                       { "read key   ", "读取密钥" },
                                                       { "admin token", "管理令牌" } };
    const char *const          host                = o->host == NULL ? "127.0.0.1" : o->host;
    command_print(c, COMMAND_SAY(c, "%s is served at %s://%s:%d\n", "%s 的服务地址 %s://%s:%d\n"),
                  c->arg[0], o->cert == NULL ? "http" : "https", host, clade_server_port(server));
    for (int role = 0; role < CLADE_N_ROLE; role++) {
        const char *const key = clade_server_new_key(server, (clade_role)role);
        if (key != NULL) command_print(c, "  %s  %s\n", command_say(c, words[role]), key);
    }
    if (clade_server_new_key(server, CLADE_ROLE_WRITE) != NULL)
        command_note(c, "%s",
                     COMMAND_SAY(c, "These keys are told this once; only their hashes are kept.\n",
                                 "以上密钥只显示这一次；仅保存其哈希。\n"));
    fflush(stdout);
}

static clade_status serve_run(command *c, clade_error *err)
{
    clade_store         *store = NULL;
    clade_server_options options;
    CLADE_TRY(read_options(&options, c, err));
    CLADE_TRY(command_open(&store, c, true, err));
    if (command_has(c, "new-key") || command_has(c, "revoke-key") || command_has(c, "keys"))
        return change_keys(c, store, err);
    CLADE_TRY(clade_server_create(&running, store, &options, err));
    take_signals(true); /* before anybody is told where it is: whoever reads that may end it */
    if (clade_interrupt_requested()) clade_server_stop(running);
    show_start(c, running, &options);
    clade_json_put_int(command_json(c), "port", clade_server_port(running));
    clade_server_keys_wipe(running);
    const clade_status status = clade_server_run(running, err);
    take_signals(false);
    clade_server_free(running);
    running = NULL;
    return status;
}

static const command_option options[] = {
    { "port", 0, "N", { "where to listen (7070); 0 takes a free one", "监听端口（默认 7070）" } },
    { "host",
      0,
      "ADDRESS",
      { "which network (127.0.0.1: this machine alone)", "监听地址（默认仅本机 127.0.0.1）" } },
    { "cert", 0, "FILE", { "HTTPS: the certificate, PEM", "HTTPS 证书（PEM）" } },
    { "key", 0, "FILE", { "HTTPS: its key, PEM", "HTTPS 私钥（PEM）" } },
    { "allow-origin",
      0,
      "ORIGIN",
      { "of pages that may read answers; any page may send", "允许读取应答的网页来源" } },
    { "new-key",
      0,
      "ROLE",
      { "make a key: write, read or admin", "新建密钥：write、read 或 admin" } },
    { "revoke-key", 0, "ID", { "let a key open nothing any more", "吊销密钥" } },
    { "keys", 0, NULL, { "list the keys", "列出密钥" } },
    { "max-body", 0, "BYTES", { "of a request, unpacked (512000)", "请求体上限（默认 512000）" } },
    { "max-event", 0, "BYTES", { "of an event (32768)", "单个事件上限（默认 32768）" } },
    { "max-batch", 0, "N", { "events of a batch (2500)", "每批事件数（默认 2500）" } },
    { "max-header", 0, "BYTES", { "of a request's header (16384)", "请求头上限（默认 16384）" } },
    { "max-connections", 0, "N", { "open at once (10000)", "同时连接数（默认 10000）" } },
    { "max-waiting", 0, "N", { "slow questions in the queue (256)", "慢查询队列（默认 256）" } },
    { "idle", 0, "SECONDS", { "a silent connection stays (65)", "空闲连接保留秒数（默认 65）" } },
    { "request-time",
      0,
      "SECONDS",
      { "for one whole request (120)", "完成一个请求的秒数上限（默认 120）" } },
    { "grace",
      0,
      "SECONDS",
      { "for running requests at the end (10)", "停止时的宽限（默认 10）" } },
    { "refresh",
      0,
      "SECONDS",
      { "answers in memory are made anew (300)", "内存应答刷新间隔（默认 300）" } },
    { "rate", 0, "N", { "requests a second for each key (0: any)", "每密钥每秒请求数（0 不限）" } },
    { "burst",
      0,
      "N",
      { "of a key that was silent (2 x rate)", "突发请求数（默认为 rate 的两倍）" } },
    { "log-requests",
      0,
      NULL,
      { "a line of JSON for each request", "为每个请求写一行 JSON 日志" } },
    { NULL, 0, NULL, { NULL, NULL } },
};

const command_verb command_verb_serve = {
    .name         = "serve",
    .usage        = "serve WORKSPACE",
    .summary      = { "events in, segments and answers out, over HTTP",
                      "通过 HTTP 接收事件、返回分群与答案" },
    .examples     = "serve my.clade\nserve my.clade --port 8080 --rate 500\nserve my.clade --host "
                    "0.0.0.0 --cert shop.pem --key shop.key\nserve my.clade --new-key read",
    .options      = options,
    .min_args     = 1,
    .max_args     = 1,
    .in_workspace = true,
    .run          = serve_run,
};
