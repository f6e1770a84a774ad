/* Any bytes as a file. */
#include "reader_laws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_all_rows((const char *)data, size);
    return 0;
}
