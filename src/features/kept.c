/* The matrix of one moment in a file of the workspace (docs/formats/workspace.md,
 * derived/features): written once a study, read by whoever asks for the same moment of the same
 * data. Reading takes a fiftieth of computing. Whatever does not fit is computed: a kept matrix can
 * be absent, torn, of another moment or of other data, and none of these is an error. */
#include "internal.h"

#include "clade/run.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char KEPT_MAGIC[8] = "clfeat01";

typedef struct kept_header {
    char     magic[8];
    uint64_t key;
    int64_t  as_of_us;
    uint64_t n_customers, n_features;
    uint64_t check;
} kept_header;
_Static_assert(sizeof(kept_header) == 48, "docs/formats/workspace.md says 48");

/* What the tables hold, by counts and by sums that have no order. Whoever changes rows through
 * clade drops the file besides; this notices who did not. */
static const char state_sql[] =
    "SELECT CAST(hash("
    "(SELECT hash(count(*), bit_xor(row_key), sum(value_minor), sum(customer), max(event)) FROM "
    "event), "
    "(SELECT hash(count(*), sum(refund), sum(purchase), sum(amount_minor), sum(at_us)) FROM "
    "refund_match), "
    "(SELECT hash(count(*), sum(event), sum(customer), sum(since_us)) FROM flag), "
    "(SELECT hash(count(*), sum(known_us), bit_xor(hash(customer, name, value, number))) FROM "
    "customer), "
    "(SELECT hash(count(*), sum(known_us), bit_xor(hash(item, category, brand))) FROM item), "
    "(SELECT hash(count(*), sum(at_us), bit_xor(hash(customer, other, kind))) FROM edge), "
    "(SELECT hash(count(*), sum(at_us), sum(customer)) FROM touch), "
    "(SELECT hash(count(*), sum(at_us), sum(customer)) FROM survey)) >> 1 AS BIGINT)";

static clade_status mix_setting(uint64_t *hash, clade_store *store, const char *name,
                                clade_error *err)
{
    char               value[64] = "";
    const clade_status status    = clade_store_setting_get(value, sizeof value, store, name, err);
    if (status != CLADE_OK && status != CLADE_ERR_NOT_FOUND) return status;
    *hash = clade_hash64(value, strlen(value), *hash);
    return CLADE_OK;
}

static clade_status make_key(uint64_t *out_key, clade_store *store, clade_error *err)
{
    size_t               n       = 0;
    const clade_feature *feature = clade_features_all(&n);
    uint64_t             hash    = clade_hash64(clade__stages_sql, strlen(clade__stages_sql), 0);
    int64_t              state   = 0;
    for (size_t i = 0; i < n; i++) {
        hash = clade_hash64(feature[i].name, strlen(feature[i].name), hash);
        hash = clade_hash64(feature[i].sql, strlen(feature[i].sql), hash);
    }
    CLADE_TRY(mix_setting(&hash, store, "currency", err));
    CLADE_TRY(mix_setting(&hash, store, "zone", err));
    CLADE_TRY(clade_store_int(&state, store, state_sql, NULL, 0, 0, err));
    *out_key = clade_hash64(&state, sizeof state, hash);
    return CLADE_OK;
}

static uint64_t check_of(const clade_features *features)
{
    const uint64_t customers =
        clade_hash64(features->customer, features->n_customers * sizeof(int64_t), 0);
    return clade_hash64(features->value,
                        features->n_customers * features->n_features * sizeof(float), customers);
}

/* ---------------------------------------------------------------- reading */

static bool read_all(int fd, void *data, size_t size)
{
    char *at = data;
    while (size > 0) {
        const ssize_t got = read(fd, at, size);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        at += got;
        size -= (size_t)got;
    }
    return true;
}

/* The header, where the file holds the whole matrix of this moment. */
static bool read_header(kept_header *out, int fd, int64_t as_of_us)
{
    size_t      n_features = 0, cells = 0;
    struct stat info;
    (void)clade_features_all(&n_features);
    return read_all(fd, out, sizeof *out) &&
           memcmp(out->magic, KEPT_MAGIC, sizeof KEPT_MAGIC) == 0 && out->as_of_us == as_of_us &&
           out->n_features == n_features && fstat(fd, &info) == 0 &&
           out->n_customers <= (uint64_t)info.st_size / sizeof(int64_t) &&
           clade_size_mul(&cells, out->n_customers, n_features) &&
           (uint64_t)info.st_size ==
               sizeof *out + out->n_customers * sizeof(int64_t) + cells * sizeof(float);
}

static clade_features *read_matrix(int fd, const kept_header *header)
{
    const size_t    n        = header->n_customers;
    clade_features *features = CLADE_NEW(clade_features, 1);
    if (features == NULL) return NULL;
    features->n_customers = n;
    features->n_features  = header->n_features;
    features->as_of_us    = header->as_of_us;
    features->customer    = CLADE_NEW(int64_t, n + 1);
    features->value       = CLADE_NEW(float, n * header->n_features + 1);
    if (features->customer != NULL && features->value != NULL &&
        read_all(fd, features->customer, n * sizeof(int64_t)) &&
        read_all(fd, features->value, n * header->n_features * sizeof(float)) &&
        check_of(features) == header->check)
        return features;
    clade_features_free(features);
    return NULL;
}

clade_status clade_features_get(clade_features **out_features, clade_store *store, int64_t as_of_us,
                                clade_error *err)
{
    clade_features *features = NULL;
    kept_header     header   = { 0 };
    char            path[4096];
    CLADE_TRY(clade_store_path(path, sizeof path, store, "derived/features", err));
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        uint64_t     key    = 0;
        clade_status status = CLADE_OK;
        if (read_header(&header, fd, as_of_us)) status = make_key(&key, store, err);
        if (status == CLADE_OK && key != 0 && key == header.key)
            features = read_matrix(fd, &header);
        close(fd);
        CLADE_TRY(status);
    }
    if (features == NULL) return clade_features_compute(out_features, store, as_of_us, err);
    *out_features = features;
    return CLADE_OK;
}

/* ---------------------------------------------------------------- writing */

static bool write_all(int fd, const void *data, size_t size)
{
    const char *at = data;
    while (size > 0) {
        const ssize_t put = write(fd, at, size);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        at += put;
        size -= (size_t)put;
    }
    return true;
}

/* Is the file already what would be written? */
static bool is_kept(const char *path, const kept_header *wanted)
{
    kept_header header = { 0 };
    const int   fd     = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    const bool same =
        read_header(&header, fd, wanted->as_of_us) && memcmp(&header, wanted, sizeof header) == 0;
    close(fd);
    return same;
}

clade_status clade_features_keep(const clade_features *features, clade_store *store,
                                 clade_error *err)
{
    kept_header header = { .as_of_us    = features->as_of_us,
                           .n_customers = features->n_customers,
                           .n_features  = features->n_features };
    char        path[4096], beside[4096];
    CLADE_TRY(clade_store_path(path, sizeof path, store, "derived/features", err));
    CLADE_TRY(clade_store_path(beside, sizeof beside, store, "derived/features.new", err));
    memcpy(header.magic, KEPT_MAGIC, sizeof KEPT_MAGIC);
    CLADE_TRY(make_key(&header.key, store, err));
    header.check = check_of(features);
    if (is_kept(path, &header)) return CLADE_OK;

    CLADE_TRY(clade_store_derived_drop(store, err));
    const int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return clade_fail(err, CLADE_ERR_IO, "%s: cannot be written: %s", beside, strerror(errno));
    }
    const bool written =
        write_all(fd, &header, sizeof header) &&
        write_all(fd, features->customer, features->n_customers * sizeof(int64_t)) &&
        write_all(fd, features->value,
                  features->n_customers * features->n_features * sizeof(float));
    const int reason = errno;
    if (close(fd) == 0 && written && rename(beside, path) == 0) return CLADE_OK;
    const int then = written ? errno : reason;
    unlink(beside);
    return clade_fail(err, CLADE_ERR_IO, "%s: cannot be written: %s", beside, strerror(then));
}
