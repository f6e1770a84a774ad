/* clade doctor: is everything here that clade needs, and is a workspace whole? */
#include "clade/trees.h"
#include "command.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <link.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

typedef enum verdict { GOOD, LOOK, BAD } verdict;

typedef struct patient {
    command       *c;
    command_table *table;
    size_t         n_bad, n_look;
} patient;

static void say(patient *p, verdict v, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void say(patient *p, verdict v, const char *name, const char *format, ...)
{
    static const char *const   key[]   = { "good", "look", "bad" };
    static const command_words word[]  = { { "good", "正常" },
                                           { "look", "注意" },
                                           { "bad", "异常" } };
    static const command_style style[] = { COMMAND_GOOD, COMMAND_WARN, COMMAND_BAD };
    char                       text[1024];
    va_list                    arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);

    p->n_bad += v == BAD;
    p->n_look += v == LOOK;
    command_cell(p->table, "%s%s%s", command_style_code(p->c, style[v]), command_say(p->c, word[v]),
                 command_style_code(p->c, COMMAND_PLAIN));
    command_cell(p->table, "%s", name);
    command_cell(p->table, "%s", text);
    clade_json *json = command_json(p->c);
    clade_json_object(json);
    clade_json_put_text(json, "name", name);
    clade_json_put_text(json, "verdict", key[v]);
    clade_json_put_text(json, "detail", text);
    clade_json_object_end(json);
}

/* ---------------------------------------------------------------- the machine */

typedef struct loaded {
    const char *name;
    char        path[4096];
} loaded;

static int find_library(struct dl_phdr_info *info, size_t size, void *context)
{
    loaded *wanted = context;
    (void)size;
    const char *base = strrchr(info->dlpi_name, '/');
    base             = base == NULL ? info->dlpi_name : base + 1;
    if (strncmp(base, wanted->name, strlen(wanted->name)) != 0) return 0;
    snprintf(wanted->path, sizeof wanted->path, "%s", info->dlpi_name);
    return 1;
}

/* The files that this very process runs on, not those that it was built with. */
static void look_at_libraries(patient *p)
{
    static const char *const names[] = { "libduckdb.so", "libxgboost.so", "libsodium.so",
                                         "libzstd.so", "libz.so" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        loaded wanted = { .name = names[i] };
        char   name[32], version[32] = "";
        char   real[PATH_MAX];
        snprintf(name, sizeof name, "%.*s", (int)(strlen(names[i]) - 3), names[i]);
        if (dl_iterate_phdr(find_library, &wanted) == 0)
            continue; /* Linked by a part not built in. */
        if (strcmp(names[i], "libxgboost.so") == 0) clade_trees_engine_version(version);
        say(p, GOOD, name, "%s%s%s", version, version[0] == '\0' ? "" : "  ",
            realpath(wanted.path, real) == NULL ? wanted.path : real);
    }
}

/* The first number of a small file of the kernel's, or -1. */
static int64_t kernel_number(const char *path)
{
    long long value = -1;
    FILE     *file  = fopen(path, "r");
    if (file == NULL) return -1;
    if (fscanf(file, "%lld", &value) != 1) value = -1;
    fclose(file);
    return value;
}

static int64_t memory_free_bytes(void)
{
    char      line[256];
    long long kilobytes = -1;
    FILE     *file      = fopen("/proc/meminfo", "r");
    if (file == NULL) return -1;
    while (kilobytes < 0 && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "MemAvailable: %lld", &kilobytes) != 1) kilobytes = -1;
    }
    fclose(file);
    return kilobytes < 0 ? -1 : kilobytes * 1024;
}

static void look_at_machine(patient *p)
{
    const long n_cpus = sysconf(_SC_NPROCESSORS_ONLN);
    __builtin_cpu_init();
    const bool fast = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    say(p, fast ? GOOD : LOOK, "processors", "%ld online, %d used, %s", n_cpus, clade_threads_get(),
        fast ? "AVX2 and FMA" : "no AVX2: the plain kernels run, several times slower");

    char          total_text[32], free_text[32], limit_text[32];
    const int64_t total  = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    const int64_t unused = memory_free_bytes();
    const int64_t limit  = kernel_number("/sys/fs/cgroup/memory.max");
    command_size_format(total_text, total);
    command_size_format(free_text, unused < 0 ? 0 : unused);
    command_size_format(limit_text, limit);
    say(p, unused >= 0 && unused < INT64_C(500000000) ? LOOK : GOOD, "memory", "%s, %s free%s%s",
        total_text, free_text, limit > 0 ? ", limited to " : "", limit > 0 ? limit_text : "");
}

static void look_at_disk(patient *p, const char *folder)
{
    struct statvfs about;
    char           free_text[32];
    if (statvfs(folder, &about) != 0) {
        say(p, BAD, "disk", "%s: %s", folder, strerror(errno));
        return;
    }
    const int64_t unused = (int64_t)about.f_bavail * (int64_t)about.f_frsize;
    command_size_format(free_text, unused);
    if (access(folder, W_OK) != 0) {
        say(p, BAD, "disk", "%s: cannot write: %s", folder, strerror(errno));
    } else {
        say(p, unused < INT64_C(1000000000) ? LOOK : GOOD, "disk", "%s free in %s", free_text,
            folder);
    }
}

static void look_at_zones(patient *p)
{
    clade_zone *zone = NULL;
    clade_error err  = { 0 };
    if (clade_zone_open(&zone, "Asia/Shanghai", &err) == CLADE_OK) {
        say(p, GOOD, "time zones", "Asia/Shanghai is known");
    } else {
        say(p, LOOK, "time zones", "%s: install tzdata; fixed offsets work without", err.message);
    }
    clade_zone_close(zone);
}

/* ---------------------------------------------------------------- a workspace */

/* A count that should be zero; `good` and `bad` are said with it. */
static void should_be_none(patient *p, clade_store *store, const char *name, const char *sql,
                           const char *good, const char *bad)
{
    clade_error err = { 0 };
    int64_t     n   = 0;
    char        count[32];
    if (clade_store_int(&n, store, sql, NULL, 0, 0, &err) != CLADE_OK) {
        say(p, BAD, name, "%s", err.message);
        return;
    }
    clade_count_format(count, n);
    if (n == 0) {
        say(p, GOOD, name, "%s", good);
    } else {
        say(p, BAD, name, "%s %s", count, bad);
    }
}

static void look_at_customers(patient *p, clade_store *store)
{
    clade_error     err = { 0 };
    int64_t         top = 0;
    clade_key_count n   = { 0 };
    char            live[32], gone[32];
    if (clade_store_int(&top, store, "SELECT max(customer) FROM event", NULL, 0, -1, &err) !=
            CLADE_OK ||
        clade_identity_count_keys(&n, store, &err) != CLADE_OK) {
        say(p, BAD, "customers", "%s", err.message);
        return;
    }
    clade_count_format(live, n.n_live);
    clade_count_format(gone, n.n_forgotten);
    if (top >= clade_identity_count(store)) {
        say(p, BAD, "customers", "number %lld has events and no key", (long long)top);
    } else if (n.n_damaged > 0) {
        say(p, BAD, "customers", "%lld have a damaged slot in keys/identity: nobody can name them",
            (long long)n.n_damaged);
    } else if (n.n_forgotten > 0) {
        say(p, GOOD, "customers", "%s, each with a key of its own; %s forgotten", live, gone);
    } else {
        say(p, GOOD, "customers", "%s, each with a key of its own", live);
    }
}

static void look_at_keys(patient *p, clade_store *store)
{
    static const char *const names[] = { "keys/master", "keys/identity" };
    for (size_t i = 0; i < 2; i++) {
        char        path[4096];
        struct stat about;
        clade_error err = { 0 };
        if (clade_store_path(path, sizeof path, store, names[i], &err) != CLADE_OK) {
            say(p, BAD, names[i], "%s", err.message);
        } else if (stat(path, &about) != 0) {
            say(p, BAD, names[i], "%s: %s: what was sealed cannot be read", path, strerror(errno));
        } else if ((about.st_mode & 077) != 0) {
            say(p, BAD, names[i], "others may read it (mode %03o): chmod 600 %s",
                (unsigned)(about.st_mode & 0777), path);
        } else {
            say(p, GOOD, names[i], "only its owner may read it");
        }
    }
    look_at_customers(p, store);
}

static void look_at_store(patient *p, clade_store *store)
{
    clade_error  err  = { 0 };
    clade_rows  *rows = NULL;
    clade_chunk  part;
    clade_status status = clade_store_query(&rows, store, "SELECT version()", NULL, 0, &err);
    if (status == CLADE_OK) status = clade_rows_next(&part, rows, &err);
    if (status == CLADE_OK && part.n_rows == 1) {
        const clade_text text = clade_chunk_text(&part, 0, 0);
        say(p, GOOD, "store", "DuckDB %.*s answers", (int)text.size, text.data);
    } else {
        say(p, BAD, "store", "%s", err.message);
    }
    clade_rows_close(rows);
}

static void look_at_workspace(patient *p, clade_store *store)
{
    look_at_keys(p, store);
    should_be_none(p, store, "loads",
                   "SELECT count(*) FROM load WHERE rows_read <> "
                   "rows_stored + rows_duplicate + rows_quarantined",
                   "rows read = stored + duplicate + quarantined",
                   "loads do not add up: rows read <> stored + duplicate + quarantined");
    should_be_none(
        p, store, "quarantine",
        "SELECT count(*) FROM (SELECT l.load FROM load l LEFT JOIN (SELECT load, count(*) "
        "AS n FROM quarantine GROUP BY load) q ON q.load = l.load "
        "WHERE coalesce(q.n, 0) > l.rows_quarantined) AS x",
        "no row more than the loads counted", "loads have more rows here than they counted");
    should_be_none(p, store, "events", "SELECT count(*) - count(DISTINCT event) FROM event",
                   "every number once", "events share a number");
    should_be_none(p, store, "refunds",
                   "SELECT count(*) FROM refund_match m WHERE NOT EXISTS "
                   "(SELECT 1 FROM event e WHERE e.event = m.purchase)",
                   "every refund leads to its purchase", "refunds lead to no purchase");
    should_be_none(
        p, store, "memberships",
        "SELECT count(*) FROM membership m WHERE NOT EXISTS (SELECT 1 FROM segmentation s "
        "WHERE s.segmentation = m.segmentation AND s.version = m.version)",
        "every one belongs to a segmentation", "memberships belong to no segmentation");
}

/* ---------------------------------------------------------------- a throwaway workspace */

static int remove_entry(const char *path, const struct stat *about, int type, struct FTW *walk)
{
    (void)about;
    (void)type;
    (void)walk;
    return remove(path);
}

/* Without a workspace to look at, one is made, asked and removed: it proves disk, engine and keys.
 */
static void try_throwaway(patient *p)
{
    char         folder[256];
    char         workspace[300];
    clade_store *store = NULL;
    clade_error  err   = { 0 };
    const char  *base  = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.200s/clade-doctor-XXXXXX", base == NULL ? "/tmp" : base);
    if (mkdtemp(folder) == NULL) {
        say(p, BAD, "store", "%s: cannot make a folder: %s", folder, strerror(errno));
        return;
    }
    snprintf(workspace, sizeof workspace, "%s/try.clade", folder);
    const clade_store_options options = { .memory_bytes = INT64_C(256000000), .create = true };
    if (clade_store_open(&store, workspace, &options, &err) == CLADE_OK) {
        look_at_store(p, store);
    } else {
        say(p, BAD, "store", "%s", err.message);
    }
    clade_store_close(store);
    (void)nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static clade_status doctor_run(command *c, clade_error *err)
{
    patient      p     = { .c = c };
    clade_store *store = NULL;
    if (c->n_args > 0) CLADE_TRY(command_open(&store, c, false, err));
    p.table = command_table_start(c, "llw", NULL, NULL, NULL);

    clade_json_key(command_json(c), "checks");
    clade_json_array(command_json(c));
    say(&p, GOOD, "clade", "%s", CLADE_VERSION);
    look_at_libraries(&p);
    look_at_machine(&p);
    look_at_disk(&p, store == NULL ? "." : clade_store_folder(store));
    look_at_zones(&p);
    if (store == NULL) {
        try_throwaway(&p);
    } else {
        look_at_store(&p, store);
        look_at_workspace(&p, store);
    }
    clade_json_array_end(command_json(c));
    command_table_end(p.table);
    clade_json_put_int(command_json(c), "n_bad", (int64_t)p.n_bad);
    clade_json_put_int(command_json(c), "n_look", (int64_t)p.n_look);
    command_print(c, "\n%s\n",
                  p.n_bad > 0 ? COMMAND_SAY(c, "Something is wrong: see above.", "存在问题，见上。")
                  : p.n_look > 0 ? COMMAND_SAY(c, "It works; something deserves a look.",
                                               "可用，但有需要注意之处。")
                                 : COMMAND_SAY(c, "Everything is well.", "一切正常。"));
    c->problems = p.n_bad > 0;
    return CLADE_OK;
}

const command_verb command_verb_doctor = {
    .name         = "doctor",
    .usage        = "doctor [WORKSPACE]",
    .summary      = { "is everything here that clade needs, and is a workspace whole?",
                      "检查运行环境与工作区是否完好" },
    .examples     = "doctor\ndoctor my.clade\ndoctor my.clade --json",
    .max_args     = 1,
    .in_workspace = true,
    .run          = doctor_run,
};
