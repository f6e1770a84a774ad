/* Any bytes behind one for the task as the model.json of a predictor: refused with a sentence, or
 * it answers for a row of ordinary values and for one of absence. Trees lie in files of their own
 * and take no part. The hash of the features, which a mutation cannot guess, is put right first. */
#include "fuzz.h"

#include "engine/predict/predict_internal.h"

static void put_hash(char *text, size_t size)
{
    static const char key[] = "\"registry\": \"";
    char              hash[24];
    (void)snprintf(hash, sizeof hash, "%016llx", (unsigned long long)clade__registry_hash());
    for (size_t i = 0; i + sizeof key - 1 + 16 <= size; i++)
        if (memcmp(text + i, key, sizeof key - 1) == 0) memcpy(text + i + sizeof key - 1, hash, 16);
}

static void answer(const clade_predictor *p)
{
    float *const row = CLADE_NEW(float, 2 * p->n_columns);
    double       margin[2];
    if (row == NULL) return;
    for (size_t j = 0; j < p->n_columns; j++) {
        row[j]                = (float)(j % 7) * 1.5f;
        row[p->n_columns + j] = __builtin_nanf("");
    }
    FUZZ_CHECK(clade__blend_margin(margin, p, row, 2, NULL) == CLADE_OK);
    FUZZ_CHECK(margin[0] == margin[0] && margin[1] == margin[1]);
    free(row);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    clade_error      err   = { 0 };
    clade_arena     *arena = clade_arena_create(0);
    clade_predictor *p     = CLADE_NEW(clade_predictor, 1);
    char *const      text  = malloc(size + 1);
    if (size == 0 || arena == NULL || p == NULL || text == NULL) goto done;
    memcpy(text, data + 1, size - 1);
    put_hash(text, size - 1);
    p->card.task = (clade_predict_task){ .kind = (clade_task_kind)(data[0] % CLADE_N_TASK_KIND),
                                         .horizon_days = 90 };
    if (clade__model_read(p, (clade_text){ text, size - 1 }, arena, &err) != CLADE_OK) {
        FUZZ_CHECK(err.message[0] != '\0' && strchr(err.message, '\n') == NULL);
        goto done;
    }
    for (int m = 0; m < CLADE_N_PREDICT_MODEL; m++)
        FUZZ_CHECK(p->card.weight[m] >= 0 && p->card.weight[m] <= 1);
    p->card.weight[CLADE_PREDICT_TREES] = p->card.weight[CLADE_PREDICT_JOINT] = 0;
    if (p->next == NULL || p->next->model != CLADE__NEXT_TREES) answer(p);
done:
    free(text);
    clade_predictor_free(p);
    clade_arena_free(arena);
    return 0;
}
