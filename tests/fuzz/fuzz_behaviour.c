/* Any bytes as a file of a behaviour model; and as the header of one, in front of as many zeros as
 * the header may ask for, so that a mutation of its JSON alone gives a whole model. A model that is
 * taken serves a customer's events. */
#include "fuzz.h"

#include "clade/behaviour.h"

enum { DATA_MAX = 1 << 20, EVENTS = 5 };

static void serve(const clade_behaviour *model)
{
    const clade_behaviour_shape *const shape   = clade_behaviour_shape_get(model);
    const clade_behaviour_options     *o       = clade_behaviour_options_of(model);
    clade_behaviour_serving           *serving = NULL;
    clade_behaviour_state             *state   = NULL;
    float                             *vector  = CLADE_NEW(float, 2 * CLADE_BEHAVIOUR_D_MAX);
    uint32_t                           field[CLADE_SEQUENCE_FIELDS_MAX];
    clade_error                        err = { 0 };
    FUZZ_CHECK(o->d <= CLADE_BEHAVIOUR_D_MAX && o->n_blocks <= CLADE_BEHAVIOUR_BLOCKS_MAX);
    if (vector == NULL || clade_behaviour_serving_create(&serving, model, &err) != CLADE_OK ||
        clade_behaviour_state_create(&state, model, &err) != CLADE_OK) {
        goto done;
    }
    for (uint32_t e = 0; e < EVENTS; e++) {
        for (size_t f = 0; f < shape->n_fields; f++)
            field[f] = e % (shape->field[f].n_values + 1);
        const clade_behaviour_event event = { e % (shape->n_items + 1), field,
                                              1000000 * (int64_t)e };
        FUZZ_CHECK(clade_behaviour_state_step(vector, vector + CLADE_BEHAVIOUR_D_MAX, state,
                                              serving, &event, &err) == CLADE_OK);
    }
    FUZZ_CHECK(clade_behaviour_state_events(state) == EVENTS);
done:
    free(vector);
    clade_behaviour_state_free(state);
    clade_behaviour_serving_free(serving);
}

static void load(const uint8_t *data, size_t size)
{
    clade_behaviour *model = NULL;
    clade_error      err   = { 0 };
    if (clade_behaviour_load_memory(&model, data, size, "fuzz", &err) != CLADE_OK) {
        FUZZ_CHECK(model == NULL && err.message[0] != '\0');
        FUZZ_CHECK(strchr(err.message, '\n') == NULL);
        return;
    }
    serve(model);
    clade_behaviour_free(model);
}

/* Where the tensors of a header end, so that as many bytes may follow it. */
static size_t end_of_tensors(const uint8_t *text, size_t size)
{
    static const char key[] = "\"data_offsets\":[";
    size_t            end   = 0;
    for (size_t i = 0; i + sizeof key <= size; i++) {
        if (memcmp(text + i, key, sizeof key - 1) != 0) continue;
        size_t number = 0;
        for (size_t j = i + sizeof key - 1; j < size && text[j] != ']'; j++) {
            number = text[j] >= '0' && text[j] <= '9' ? 10 * number + (size_t)(text[j] - '0') : 0;
            number = number > DATA_MAX ? DATA_MAX : number;
            end    = number > end ? number : end;
        }
    }
    return end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    load(data, size);

    const uint64_t length = size;
    const size_t   n_data = end_of_tensors(data, size);
    uint8_t       *whole  = calloc(8 + size + n_data, 1);
    if (whole == NULL) return 0;
    memcpy(whole, &length, 8);
    if (size > 0) memcpy(whole + 8, data, size);
    load(whole, 8 + size + n_data);
    free(whole);
    return 0;
}
