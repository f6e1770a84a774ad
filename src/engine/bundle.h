/* Bundles: a folder below models/ that is replaced whole. A new one is written beside, which then
 * takes the old one's place in two renames; between them the old one is at <name>.old, where
 * reading finds it too. */
#ifndef CLADE_ENGINE_BUNDLE_H
#define CLADE_ENGINE_BUNDLE_H

#include "clade/file.h"
#include "clade/store.h"

typedef struct clade__bundle {
    const clade_store *store;
    char               name[128]; /* below models/: "behaviour", "predict/churn" */
    const char *const *file;      /* (n_files): all that a bundle of this kind may hold */
    size_t             n_files;
} clade__bundle;

/** Is there one to read? */
bool clade__bundle_there(const clade__bundle *bundle);
/** Append a file's content to `out`. CLADE_ERR_DATA when it is missing: the bundle is damaged. */
clade_status clade__bundle_get(clade_buffer *out, const clade__bundle *bundle, const char *file,
                               clade_error *err);
/** Path of a file to read. */
clade_status clade__bundle_path(char out[CLADE_PATH_MAX], const clade__bundle *bundle,
                                const char *file, clade_error *err);
/** Begin a new one: an empty folder beside. */
clade_status clade__bundle_begin(const clade__bundle *bundle, clade_error *err);
/** Path of a file to write. */
clade_status clade__bundle_new_path(char out[CLADE_PATH_MAX], const clade__bundle *bundle,
                                    const char *file, clade_error *err);
/** Write a text whole. CLADE_ERR_NOMEM when it has failed on its way. */
clade_status clade__bundle_put(const clade__bundle *bundle, const char *file,
                               const clade_buffer *text, clade_error *err);
/** The new one takes the place of the old one. */
clade_status clade__bundle_keep(const clade__bundle *bundle, clade_error *err);
/** After a failure: what was written beside is removed. */
void clade__bundle_drop(const clade__bundle *bundle);

#endif
