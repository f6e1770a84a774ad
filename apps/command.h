/*
 * The clade command: what each verb is, and what it may use.
 *
 * A verb is one file with one `const command_verb`, named in verbs.c. main.c reads the arguments,
 * settles the options (flag over environment over workspace file over user file over built-in),
 * calls `run`, and turns its status into an exit code. A verb prints results with command_print and
 * the tables below, words with command_note, and writes the same facts with command_json; main
 * prints one of the two. A verb never calls exit, never reads the environment, and keeps nothing on
 * failure.
 */
#ifndef CLADE_COMMAND_H
#define CLADE_COMMAND_H

#include "clade/json.h"
#include "clade/predict.h"
#include "clade/run.h"
#include "clade/store.h"

#include <stdio.h>

/* Exit codes, as documented: scripts rely on them. */
enum {
    COMMAND_DONE      = 0,
    COMMAND_FAILED    = 1, /* the world refused: disk, memory, an engine, Ctrl-C */
    COMMAND_USAGE     = 2, /* the command line asks for something that cannot be asked */
    COMMAND_PROBLEMS  = 3, /* the data holds something that cannot be used */
    COMMAND_NOT_READY = 4, /* something has to be run first, or somebody else owns the workspace */
};

enum {
    COMMAND_MAX_ARGS    = 4096, /* positional arguments */
    COMMAND_MAX_OPTIONS = 256,  /* options given on one command line */
};

typedef struct command command;

/** The same words in both languages. */
typedef struct command_words {
    const char *en;
    const char *zh;
} command_words;

typedef struct command_option {
    const char   *name;   /* "segment" for --segment */
    char          letter; /* 'o' for -o, or 0 */
    const char   *value;  /* what it takes, "FILE"; NULL for a switch */
    command_words help;
} command_option;

typedef struct command_verb {
    const char   *name;
    const char   *usage; /* "load WORKSPACE FILE..." */
    command_words summary;
    const char   *examples; /* one a line, without the program's name; help opens with them */
    const command_option *options; /* ends with a NULL name; NULL for none of its own */
    size_t                min_args;
    size_t                max_args;
    bool                  in_workspace; /* the first argument is a workspace: its settings count */
    clade_status (*run)(command *c, clade_error *err);
} command_verb;

/** Where a setting comes from, weakest first. */
typedef enum command_origin {
    COMMAND_BUILT_IN,
    COMMAND_USER_FILE,
    COMMAND_WORKSPACE_FILE,
    COMMAND_ENVIRONMENT,
    COMMAND_FLAG
} command_origin;

typedef struct command_setting {
    const char    *name; /* "memory": --memory, CLADE_MEMORY, `memory = 4GB` */
    const char    *value;
    command_origin origin;
    const char    *place; /* "--memory", "CLADE_MEMORY", "my.clade/config:3", "" */
} command_setting;
enum { COMMAND_N_SETTINGS = 14 };

typedef struct command_given {
    const command_option *option;
    const char           *value; /* NULL for a switch */
} command_given;

struct command {
    const char         *program; /* as the user called it, for the commands that are suggested */
    const command_verb *verb;
    size_t              n_args;
    const char         *arg[COMMAND_MAX_ARGS + 1]; /* positional; NULL behind the last */
    size_t              n_given;
    command_given       given[COMMAND_MAX_OPTIONS];
    command_setting     setting[COMMAND_N_SETTINGS];

    bool     json;
    bool     quiet;
    bool     zh;
    bool     color; /* stdout is a terminal that shows colours, and NO_COLOR is not set */
    size_t   width; /* columns of the terminal, 100 when stdout is none */
    uint64_t seed;
    bool     has_as_of; /* else the verb takes the end of the data */
    int64_t  as_of_us;
    int64_t  memory_bytes; /* 0: the store decides */
    int64_t  min_group;    /* k-anonymity of exports and of shown groups */

    bool         together; /* every rank of mpirun fails in this way: rank 0 alone says it */
    bool         problems; /* the verb ran, and found problems in the data: exit code 3 */
    clade_store *store;    /* opened by command_open, closed by main */
    clade_arena *arena;    /* lives as long as the verb */
    clade_buffer json_text;
    clade_json   json_out;
};

/* ---------------------------------------------------------------- what was asked for */

/** Was the option given? Its name must be one of the verb's: anything else is an assert. */
bool command_has(const command *c, const char *option);
/** The nth value of an option, or NULL when it was given fewer times. */
const char *command_value(const command *c, const char *option, size_t nth);
/** Its value as a whole number in [low, high]; `if_absent` when not given. */
CLADE_MUST_USE clade_status command_int(int64_t *out, const command *c, const char *option,
                                        int64_t if_absent, int64_t low, int64_t high,
                                        clade_error *err);
CLADE_MUST_USE clade_status command_real(double *out, const command *c, const char *option,
                                         double if_absent, double low, double high,
                                         clade_error *err);
/** A settled setting's text ("memory" gives "4GB"). Never NULL. */
const char *command_setting_get(const command *c, const char *name);

/** The settings predict.*: the search of models, with the budget of the whole command. */
void command_predict_search(clade_predict_search *out, const command *c);

/**
 * Open the workspace named by the first argument, or give the one that is open. When there is none,
 * the error says how to make one.
 * Ownership   Borrowed: main closes it.
 */
CLADE_MUST_USE clade_status command_open(clade_store **out_store, command *c, bool create,
                                         clade_error *err);

/** The words of the language in use. */
const char *command_say(const command *c, command_words words);
/** The same for literals, so that the compiler can check them as formats. */
#define COMMAND_SAY(c, en_words, zh_words) ((c)->zh ? (zh_words) : (en_words))

/* ---------------------------------------------------------------- results and words */

/** A result for people, on stdout. Nothing with --json. */
void command_print(const command *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** A heading: bold on a terminal, a blank line before it. */
void command_heading(const command *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** Words on stderr. Nothing with --quiet. */
void command_note(const command *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** The one next command to run, without the program's name: printed last, and `next` in JSON. */
void command_next(command *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** The writer, inside the one object that --json prints. Writing to it costs little without --json,
 *  so that a verb need not ask; what was written is printed only when the verb succeeds. */
clade_json *command_json(command *c);

typedef enum command_style {
    COMMAND_PLAIN,
    COMMAND_BOLD,
    COMMAND_DIM,
    COMMAND_GOOD,
    COMMAND_BAD,
    COMMAND_WARN
} command_style;
/** The escape sequence that starts a style, "" where colours are off. COMMAND_PLAIN ends it. */
const char *command_style_code(const command *c, command_style style);

/**
 * A table, aligned by the columns a terminal needs, so that Chinese lines up too.
 *
 *     command_table *t = command_table_start(c, "lrw", "segment", "customers", "persona");
 *     command_cell(t, "%s", name); command_cell(t, "%s", size); command_cell(t, "%s", persona);
 *     command_table_end(t);
 *
 * @param align  One letter a column: l left, r right, w left and wrapped to the terminal's width
 *               (the last column only). As many headings follow; all of them NULL prints none.
 * Ownership     Lives in the command's arena.
 */
typedef struct command_table command_table;
command_table               *command_table_start(command *c, const char *align, ...);
void                         command_cell(command_table *table, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void command_table_end(command_table *table);

/* ---------------------------------------------------------------- the frame (main and its parts)
 */

/** Every verb, in the order of the help; ends with NULL. */
extern const command_verb *const command_verbs[];
const command_verb              *command_verb_find(const char *name);
/** Fails with CLADE_ERR_ARG, and suggests the nearest verb. */
clade_status command_verb_unknown(const char *name, clade_error *err);

/** Options that every verb takes. */
extern const command_option command_common_options[];

CLADE_MUST_USE clade_status command_parse(command *c, int argc, char **argv, clade_error *err);
/** Settle every setting; `folder` is the workspace whose file counts, or NULL. */
CLADE_MUST_USE clade_status command_settle(command *c, const char *folder, clade_error *err);
/** The first guess of --json, --quiet and --lang, good enough to report a bad command line. */
void command_glance(command *c, int argc, char **argv);

/** The page of a verb, or of all of them when it is NULL; an object with --json. */
void command_help(command *c, const command_verb *verb);
int  command_exit_code(clade_status status);

/** Path of the user's settings, or "" when there is no home. */
void command_user_file(char out[4096]);
/** Change (or with value NULL remove) one line of a settings file, replacing the file whole. */
CLADE_MUST_USE clade_status command_settings_write(const char *path, const char *name,
                                                   const char *value, clade_error *err);
CLADE_MUST_USE clade_status command_setting_check(const char *name, const char *value,
                                                  clade_error *err);
/** The built-in value of a setting, "" for one that does not exist. */
const char *command_setting_built_in(const char *name);
/** "4GB", "512MiB" or a number of bytes. */
CLADE_MUST_USE clade_status command_size_parse(int64_t *out_bytes, const char *text,
                                               clade_error *err);
/** "4.0 GB". */
void command_size_format(char out[32], int64_t bytes);

#endif
