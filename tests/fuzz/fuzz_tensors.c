/* Any bytes as a file of tensors; and as the header of one, in front of data of a size that the
 * header itself may ask for. What is taken is read whole, as floats and as it lies. */
#include "fuzz.h"

#include "clade/tensors.h"

enum { MAX_VALUES = 1 << 16 };

static void read_all(const clade_tensors *file)
{
    static float   floats[MAX_VALUES];
    static uint8_t values[8 * MAX_VALUES];
    clade_error    err = { 0 };
    for (size_t i = 0; i < clade_tensors_count(file); i++) {
        const clade_tensor *t = clade_tensors_at(file, i);
        FUZZ_CHECK(clade_tensors_find(file, t->name) == t);
        FUZZ_CHECK(i == 0 || strcmp(clade_tensors_at(file, i - 1)->name, t->name) < 0);
        uint64_t n = 1;
        for (size_t k = 0; k < t->n_dimensions; k++)
            n *= t->shape[k];
        FUZZ_CHECK(n == t->n_values);
        if (n > MAX_VALUES) continue;
        FUZZ_CHECK(clade_tensors_read_values(values, file, t->name, t->type, t->shape,
                                             t->n_dimensions, &err) == CLADE_OK);
        const clade_status status =
            clade_tensors_read_floats(floats, file, t->name, t->shape, t->n_dimensions, &err);
        FUZZ_CHECK(status == CLADE_OK ||
                   (status == CLADE_ERR_DATA && strstr(err.message, t->name) != NULL));
    }
}

static void open_and_read(const uint8_t *data, size_t size)
{
    clade_tensors *file = NULL;
    clade_error    err  = { 0 };
    if (clade_tensors_open_memory(&file, data, size, "fuzz", &err) != CLADE_OK) {
        FUZZ_CHECK(file == NULL && strncmp(err.message, "fuzz: ", 6) == 0);
        FUZZ_CHECK(strchr(err.message, '\n') == NULL);
        return;
    }
    FUZZ_CHECK(size >= 10);
    read_all(file);
    (void)clade_tensors_note(file, "seed");
    clade_tensors_close(file);
}

/* The largest whole number in the text, for the bytes that should follow it. */
static size_t largest_number(const uint8_t *text, size_t size)
{
    size_t largest = 0, number = 0;
    for (size_t i = 0; i < size; i++) {
        number  = text[i] >= '0' && text[i] <= '9' ? 10 * number + (size_t)(text[i] - '0') : 0;
        number  = number > 4096 ? 4096 : number;
        largest = number > largest ? number : largest;
    }
    return largest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    open_and_read(data, size);

    const uint64_t length = size;
    const size_t   n_data = largest_number(data, size);
    uint8_t       *whole  = malloc(8 + size + n_data);
    if (whole == NULL) return 0;
    memcpy(whole, &length, 8);
    if (size > 0) memcpy(whole + 8, data, size);
    for (size_t i = 0; i < n_data; i++)
        whole[8 + size + i] = (uint8_t)(i * 37 + 5);
    open_and_read(whole, 8 + size + n_data);
    free(whole);
    return 0;
}
