/* Any bytes behind a first good line of JSON, and behind the start of an array. */
#include "reader_laws.h"

static void behind(const char *start, const uint8_t *data, size_t size)
{
    const size_t n    = strlen(start);
    char        *text = malloc(n + size + 1);
    if (text == NULL) return;
    memcpy(text, start, n);
    if (size > 0) memcpy(text + n, data, size);
    read_all_rows(text, n + size);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    behind("{\"a\":1,\"b\":{\"c\":\"x\"}}\n", data, size);
    behind("[{\"a\":1,\"b\":{\"c\":\"x\"}},\n", data, size);
    return 0;
}
