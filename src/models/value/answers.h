/* One answer about one customer; interval.c asks for it once for each draw of the parameters. */
#ifndef CLADE_VALUE_ANSWERS_H
#define CLADE_VALUE_ANSWERS_H

#include "value_internal.h"

typedef struct clade__value_ask {
    clade_value_what             what;
    const clade_value_model     *buying; /* NULL for spend */
    const clade_value_model     *spend;  /* NULL where no money is asked for */
    const clade_value_customers *customers;
    clade_value_horizon          horizon;
} clade__value_ask;

/* CLADE_ERR_ARG or CLADE_ERR_DATA where the question cannot be answered. */
clade_status clade__value_ask_check(const clade__value_ask *ask, clade_error *err);
double       clade__value_ask_one(const clade__value_ask *ask, size_t i);

#endif
