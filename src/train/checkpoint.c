/* Checkpoints: parameters, moments, averages and counters in one file of tensors, replaced whole.
 */
#include "train_internal.h"

#include "clade/tensors.h"
#include "clade/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { N_COUNTERS = 8 };

static void counters_from(uint64_t out[N_COUNTERS], double out_real[2], const clade__progress *p)
{
    const uint64_t all[N_COUNTERS] = { p->epoch,     p->window,     p->n_steps,        p->n_planned,
                                       p->n_targets, p->best_epoch, p->n_without_gain, 0 };
    memcpy(out, all, sizeof all);
    out_real[0] = p->loss;
    out_real[1] = p->best_score;
}

clade_status clade__checkpoint_write(const char *path, const clade__trained *t,
                                     const clade__progress *progress, clade_error *err)
{
    uint64_t counter[N_COUNTERS], bits[2];
    double   real[2];
    char     identity[24];
    counters_from(counter, real, progress);
    memcpy(bits, real, sizeof bits); /* as bits, so that they come back the same */
    (void)snprintf(identity, sizeof identity, "%016" PRIx64, t->identity);
    clade_tensor_source source[7] = {
        { "theta", CLADE_TENSOR_F32, 1, { t->n }, clade_behaviour_parameters(t->model) },
        { "adam.m", CLADE_TENSOR_F32, 1, { t->n }, t->state.m },
        { "adam.v", CLADE_TENSOR_F32, 1, { t->n }, t->state.v },
        { "best", CLADE_TENSOR_F32, 1, { t->n }, t->best },
        { "counters", CLADE_TENSOR_U64, 1, { N_COUNTERS }, counter },
        { "reals", CLADE_TENSOR_U64, 1, { 2 }, bits },
        { "average", CLADE_TENSOR_F32, 1, { t->n }, t->state.average },
    };
    const clade_tensor_note note = { "training", identity };
    return clade_tensors_write(path, source, t->state.average == NULL ? 6 : 7, &note, 1, err);
}

static clade_status read_all(clade__trained *t, clade__progress *p, const clade_tensors *file,
                             float *theta, clade_error *err)
{
    const uint64_t n = t->n, n_counters = N_COUNTERS, two = 2;
    uint64_t       counter[N_COUNTERS], bits[2];
    double         real[2];
    CLADE_TRY(clade_tensors_read_values(counter, file, "counters", CLADE_TENSOR_U64, &n_counters, 1,
                                        err));
    CLADE_TRY(clade_tensors_read_values(bits, file, "reals", CLADE_TENSOR_U64, &two, 1, err));
    CLADE_TRY(clade_tensors_read_floats(theta, file, "theta", &n, 1, err));
    CLADE_TRY(clade_tensors_read_floats(t->state.m, file, "adam.m", &n, 1, err));
    CLADE_TRY(clade_tensors_read_floats(t->state.v, file, "adam.v", &n, 1, err));
    CLADE_TRY(clade_tensors_read_floats(t->best, file, "best", &n, 1, err));
    if (t->state.average != NULL) {
        CLADE_TRY(clade_tensors_read_floats(t->state.average, file, "average", &n, 1, err));
    }
    memcpy(real, bits, sizeof real);
    *p = (clade__progress){ counter[0], counter[1], counter[2], counter[3], counter[4],
                            real[0],    counter[5], counter[6], real[1] };
    *t->state.n_steps = p->n_steps;
    return CLADE_OK;
}

clade_status clade__checkpoint_read(const char *path, clade__trained *t, clade__progress *progress,
                                    clade_error *err)
{
    clade_tensors *file = NULL;
    char           identity[24];
    if (access(path, F_OK) != 0) return CLADE_ERR_NOT_FOUND;
    CLADE_TRY(clade_tensors_open(&file, path, err));
    clade_status      status = CLADE_OK;
    const char *const theirs = clade_tensors_note(file, "training");
    float *const      theta  = CLADE_NEW(float, t->n);
    (void)snprintf(identity, sizeof identity, "%016" PRIx64, t->identity);
    if (theta == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to read %s", path);
    } else if (!clade_tensors_is_checked(file) || theirs == NULL || strcmp(theirs, identity) != 0) {
        status = clade_fail(err, CLADE_ERR_DATA,
                            "%s is the checkpoint of another training: other options, data or "
                            "version (%s, wanted %s)",
                            path, theirs == NULL ? "no mark" : theirs, identity);
        clade_hint(err, "remove it to start anew");
    } else {
        status = read_all(t, progress, file, theta, err);
    }
    if (status == CLADE_OK) clade_behaviour_set(t->model, theta);
    free(theta);
    clade_tensors_close(file);
    return status;
}
