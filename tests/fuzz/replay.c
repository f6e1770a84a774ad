/* Every file of the corpus through the target, as a test: what a fuzzer once found stays found.
 * Each file is also cut at many lengths and each of its bytes is changed once, which costs little.
 */
#include "check.h"
#include "fuzz.h"

#include <dirent.h>
#include <string.h>

static void replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    static uint8_t data[1 << 16];
    const size_t   size = fread(data, 1, sizeof data, file);
    assert_int_equal(fclose(file), 0);

    uint8_t *copy = malloc(size + 1); /* an exact size, so that reading beyond it is seen */
    assert_non_null(copy);
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    const size_t step = size / 40 + 1;
    for (size_t i = 0; i < size; i += step) {
        LLVMFuzzerTestOneInput(copy, i);
        copy[i] ^= (uint8_t)(1 + i % 255);
        LLVMFuzzerTestOneInput(copy, size);
        copy[i] = data[i];
    }
    free(copy);
}

static void the_corpus_breaks_nothing(void **state)
{
    (void)state;
    size_t         n_files = 0;
    struct dirent *entry;
    DIR           *folder = opendir(CLADE_CORPUS);
    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        char path[1024];
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", CLADE_CORPUS, entry->d_name);
        replay(path);
        n_files++;
    }
    closedir(folder);
    assert_true(n_files > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_corpus_breaks_nothing) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
