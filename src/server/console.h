/* The pages of the console as the build packed them; none where there was no node to build them. */
#ifndef CLADE_SERVER_CONSOLE_H
#define CLADE_SERVER_CONSOLE_H

#include <stddef.h>

typedef struct clade__page {
    const char          *name; /* "index.html"; others carry a hash of what is in them */
    const char          *type;
    const unsigned char *data; /* gzip */
    size_t               size;
} clade__page;
extern const clade__page clade__pages[]; /* NULL name behind the last */

#endif
