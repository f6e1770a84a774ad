/* What people see: tables that line up, colours where a terminal shows them, the next command. */
#include "command.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

const char *command_say(const command *c, command_words words)
{
    return c->zh && words.zh != NULL ? words.zh : words.en;
}

const char *command_style_code(const command *c, command_style style)
{
    static const char *const code[] = { "\033[0m",  "\033[1m",  "\033[2m",
                                        "\033[32m", "\033[31m", "\033[33m" };
    return c->color ? code[style] : "";
}

void command_print(const command *c, const char *format, ...)
{
    if (c->json) return;
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
}

void command_heading(const command *c, const char *format, ...)
{
    if (c->json) return;
    va_list arguments;
    va_start(arguments, format);
    printf("\n%s", command_style_code(c, COMMAND_BOLD));
    vprintf(format, arguments);
    printf("%s\n", command_style_code(c, COMMAND_PLAIN));
    va_end(arguments);
}

void command_note(const command *c, const char *format, ...)
{
    if (c->quiet) return;
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
}

void command_next(command *c, const char *format, ...)
{
    char    line[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    char *whole = clade_arena_format(c->arena, "%s %s", c->program, line);
    if (whole == NULL) return;
    clade_json_put_text(command_json(c), "next", whole);
    command_print(c, "\n%s%s%s  %s\n", command_style_code(c, COMMAND_DIM),
                  COMMAND_SAY(c, "Next:", "下一步："), command_style_code(c, COMMAND_PLAIN), whole);
}

clade_json *command_json(command *c)
{
    return &c->json_out;
}

/* ---------------------------------------------------------------- tables */

enum { MAX_COLUMNS = 24, GAP = 2, MIN_WRAP = 24 };

struct command_table {
    command     *c;
    char         align[MAX_COLUMNS + 1];
    size_t       n_columns;
    const char  *heading[MAX_COLUMNS];
    const char **cell; /* (n_cells / n_columns, n_columns) row-major, in the arena */
    size_t       n_cells, capacity;
};

command_table *command_table_start(command *c, const char *align, ...)
{
    command_table *table = CLADE_ARENA_NEW(c->arena, command_table, 1);
    va_list        arguments;
    if (table == NULL) return NULL;
    table->c         = c;
    table->n_columns = strlen(align);
    assert(table->n_columns > 0 && table->n_columns <= MAX_COLUMNS);
    memcpy(table->align, align, table->n_columns + 1);
    va_start(arguments, align);
    for (size_t i = 0; i < table->n_columns; i++)
        table->heading[i] = va_arg(arguments, const char *);
    va_end(arguments);
    return table;
}

void command_cell(command_table *table, const char *format, ...)
{
    char    text[4096];
    va_list arguments;
    if (table == NULL || table->c->json) return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);

    if (table->n_cells == table->capacity) {
        const size_t more  = table->capacity == 0 ? 64 : 2 * table->capacity;
        const char **grown = clade_arena_alloc(table->c->arena, more, sizeof table->cell[0]);
        if (grown == NULL) return; /* No memory for a table: the row is missing, main says why. */
        if (table->n_cells > 0) memcpy(grown, table->cell, table->n_cells * sizeof grown[0]);
        table->cell     = grown;
        table->capacity = more;
    }
    const char *copy              = clade_arena_text(table->c->arena, text, strlen(text));
    table->cell[table->n_cells++] = copy == NULL ? "" : copy;
}

/* Columns of a cell on a terminal: escape sequences of styles take none. */
static size_t visible_width(const char *text)
{
    size_t width = 0;
    while (*text != '\0') {
        char         part[256];
        const size_t n    = strcspn(text, "\033");
        const size_t some = n < sizeof part ? n : sizeof part - 1;
        if (n == 0) { /* ESC [ ... m */
            text += strcspn(text, "m");
            text += *text == 'm';
            continue;
        }
        if (n >= sizeof part) return clade_utf8_width(text); /* Long texts carry no style. */
        memcpy(part, text, some);
        part[some] = '\0';
        width += clade_utf8_width(part);
        text += some;
    }
    return width;
}

static void pad(size_t n)
{
    while (n-- > 0)
        putchar(' ');
}

/* How many bytes of `text` fit into `width` columns, broken at a blank, or anywhere between two
 * wide characters; at least one character. */
static size_t fit(const char *text, size_t width)
{
    const size_t size = strlen(text);
    size_t       used = 0, columns = 0, last_break = 0;
    while (used < size) {
        uint32_t     point = 0;
        char         one[8];
        const size_t n    = clade_utf8_decode(&point, text + used, size - used);
        const size_t step = n == 0 ? 1 : n;
        memcpy(one, text + used, step);
        one[step]         = '\0';
        const size_t wide = n == 0 ? 1 : clade_utf8_width(one);
        if (columns + wide > width && used > 0) return last_break > 0 ? last_break : used;
        columns += wide;
        if (text[used] == ' ') last_break = used;
        used += step;
        if (wide == 2) last_break = used;
    }
    return size;
}

static void print_wrapped(const char *text, size_t indent, size_t width)
{
    for (bool first = true; *text != '\0'; first = false) {
        const size_t n = fit(text, width);
        if (!first) {
            putchar('\n');
            pad(indent);
        }
        fwrite(text, 1, n, stdout);
        text += n;
        while (*text == ' ')
            text++;
    }
}

static void print_row(const command_table *table, const char *const *cell, const size_t *width)
{
    size_t at = 0;
    for (size_t i = 0; i < table->n_columns; i++) {
        const size_t need = visible_width(cell[i]);
        const size_t room = need < width[i] ? width[i] - need : 0;
        const bool   last = i + 1 == table->n_columns;
        if (table->align[i] == 'r') pad(room);
        if (table->align[i] == 'w' && last) {
            const size_t left = table->c->width > at + MIN_WRAP ? table->c->width - at : MIN_WRAP;
            print_wrapped(cell[i], at, left);
        } else {
            fputs(cell[i], stdout);
        }
        if (!last) {
            if (table->align[i] != 'r') pad(room);
            pad(GAP);
        }
        at += width[i] + GAP;
    }
    putchar('\n');
}

void command_table_end(command_table *table)
{
    size_t width[MAX_COLUMNS] = { 0 };
    if (table == NULL || table->c->json) return;
    assert(table->n_cells % table->n_columns == 0);
    for (size_t i = 0; i < table->n_columns; i++) {
        if (table->heading[i] != NULL) width[i] = visible_width(table->heading[i]);
    }
    for (size_t k = 0; k < table->n_cells; k++) {
        const size_t  need = visible_width(table->cell[k]);
        size_t *const w    = &width[k % table->n_columns];
        if (need > *w) *w = need;
    }
    if (table->heading[0] != NULL) {
        fputs(command_style_code(table->c, COMMAND_DIM), stdout);
        print_row(table, table->heading, width);
        fputs(command_style_code(table->c, COMMAND_PLAIN), stdout);
    }
    for (size_t k = 0; k + table->n_columns <= table->n_cells; k += table->n_columns) {
        print_row(table, table->cell + k, width);
    }
}
