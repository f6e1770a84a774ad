#include "check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

const char *check_folder_make(char out[256], const char *name)
{
    const char *base = getenv("TMPDIR");
    snprintf(out, 256, "%s/clade-%s-XXXXXX", base == NULL ? "/tmp" : base, name);
    assert_non_null(mkdtemp(out));
    return out;
}

void check_folder_remove(const char *folder)
{
    char command[600];
    snprintf(command, sizeof command, "chmod -R u+w '%s' && rm -rf '%s'", folder, folder);
    assert_int_equal(system(command), 0);
}

void check_write(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

const char *check_data(char out[512], const char *relative)
{
    const char *base = getenv("CLADE_DATA");
    snprintf(out, 512, "%s/%s", base == NULL ? "../shared/data" : base, relative);
    if (access(out, R_OK) == 0) return out;
    print_message("skipped: %s is not here (set CLADE_DATA)\n", out);
    return NULL;
}

const char *check_data_plain(char out[512], const char *relative, const char *folder)
{
    char        packed[512];
    char        command[1400];
    const char *name = strrchr(relative, '/');
    if (check_data(packed, relative) == NULL) return NULL;
    name = name == NULL ? relative : name + 1;
    snprintf(out, 512, "%s/%.*s", folder, (int)(strlen(name) - strlen(".zst")), name);
    snprintf(command, sizeof command, "zstd -qdc '%s' > '%s'", packed, out);
    assert_int_equal(system(command), 0);
    return out;
}

int check_run(char *out, size_t out_size, const char *format, ...)
{
    char    command[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command - 8, format, arguments);
    va_end(arguments);
    strcat(command, " 2>&1");

    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t n = 0, got;
    char   rest[4096];
    while (n + 1 < out_size && (got = fread(out + n, 1, out_size - 1 - n, pipe)) > 0)
        n += got;
    out[n] = '\0';
    while (fread(rest, 1, sizeof rest, pipe) > 0) {
    }
    const int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
