/* Sixty rows by formula, so that another program can make the same ones for golden values. Those in
 * the tests are of scikit-learn 1.2.1, SciPy 1.10.1 and NumPy 1.24.2, with
 *
 *     i = np.arange(60)
 *     a = ((i*37+11)%23)/23.0
 *     y = (((i*29+5)%17)/17.0 + a > 0.95).astype(int)
 *     b = ((i*53+7)%31)/31.0*0.5 + 0.5*y*((i*13)%7)/7.0
 *     v = ((i*41+3)%19)*y*2.385
 *
 * Both scores have ties; half of the amounts v are 0. */
#ifndef CLADE_FORMULA_SAMPLE_H
#define CLADE_FORMULA_SAMPLE_H

#include <stdint.h>

enum { FORMULA_ROWS = 60 };

typedef struct formula_sample {
    double  a[FORMULA_ROWS], b[FORMULA_ROWS], v[FORMULA_ROWS];
    uint8_t y[FORMULA_ROWS];
} formula_sample;

static inline void make_formula_sample(formula_sample *s)
{
    for (int i = 0; i < FORMULA_ROWS; i++) {
        s->a[i] = ((i * 37 + 11) % 23) / 23.0;
        s->y[i] = ((i * 29 + 5) % 17) / 17.0 + s->a[i] > 0.95;
        s->b[i] = ((i * 53 + 7) % 31) / 31.0 * 0.5 + 0.5 * s->y[i] * ((i * 13) % 7) / 7.0;
        s->v[i] = ((i * 41 + 3) % 19) * s->y[i] * 2.385;
    }
}

#endif
