/* A made shop as a file of order lines, and the few things tests ask of a workspace. */
#ifndef CLADE_TESTS_MADE_ORDERS_H
#define CLADE_TESTS_MADE_ORDERS_H

#include "../apps/run_binary.h"
#include "clade/store.h"

/* Everything the made shop does happens on days from 2023-01-01 up to, and not on, 2024-10-01. */
#define MADE_AS_OF "2024-10-01"

/* order_id,customer_id,order_date,sku,category,qty,price,currency. Customers are c0, c1, ...; some
 * buy often and some once, about a third stop, one line in twenty is given back five days later.
 * Returns the number of lines below the header. */
size_t made_orders_write(const char *path, int n_customers);

/* The path of a file in the test's folder, in one of four buffers taken in turn. */
const char *made_path(const char *name);
/* A file of the test's folder as text; freed by the caller. */
char *made_read(const char *name, size_t *out_size);
/* segments.json of a workspace without the seconds it took; freed by the caller. */
char *made_segments(const char *workspace);
/* A shell command inside the test's folder; its exit code. */
int made_shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A workspace of the test's folder, opened by this process. */
clade_store *made_open(const char *workspace);
int64_t      made_int(clade_store *store, const char *sql);
/* The same for one question to a closed workspace. */
int64_t made_ask(const char *workspace, const char *sql);
/* Hash of the source tables: equal data, equal hash. */
uint64_t made_data_hash(const char *workspace);

/* Does this build have the verb? Says that the test is skipped when it does not. */
bool made_has_verb(const char *verb);

#endif
