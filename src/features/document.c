/* docs/features.md from the registry: one table for each group, written whole. */
#include "internal.h"

static void write_cell(clade_buffer *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|') clade_buffer_text(out, "\\");
        clade_buffer_append(out, text, 1);
    }
}

void clade_features_document(clade_buffer *out)
{
    size_t               n       = 0;
    const clade_feature *feature = clade_features_all(&n);

    clade_buffer_format(
        out,
        "# Features\n\n"
        "clade knows %zu numbers about a customer as of a moment. This page is written by the\n"
        "registry itself (`src/features/registry.c`); a test keeps it up to date. Formulas that "
        "need\n"
        "one are in [maths/features.md](maths/features.md); how the SQL runs is told in\n"
        "`src/features/README.md`. Nothing at or after the moment is ever read. Where a feature "
        "is\n"
        "absent it has no value at all, rather than a zero that would be wrong.\n",
        n);
    for (int group = 0; group < CLADE_N_FEATURE_GROUP; group++) {
        clade_buffer_format(out,
                            "\n## %s\n\n| name | unit | means | 含义 | from | absent when | SQL |\n"
                            "| --- | --- | --- | --- | --- | --- | --- |\n",
                            clade_feature_group_name((clade_feature_group)group));
        for (size_t i = 0; i < n; i++) {
            if ((int)feature[i].group != group) continue;
            clade_buffer_format(out, "| `%s` | %s | ", feature[i].name, feature[i].unit);
            write_cell(out, feature[i].en);
            clade_buffer_text(out, " | ");
            write_cell(out, feature[i].zh);
            clade_buffer_format(out, " | %s | ", feature[i].source);
            write_cell(out, feature[i].absence);
            clade_buffer_text(out, " | `");
            write_cell(out, feature[i].sql);
            clade_buffer_text(out, "` |\n");
        }
    }
}
