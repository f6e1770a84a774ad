/* What the files of numeric share. */
#ifndef CLADE_NUMERIC_INTERNAL_H
#define CLADE_NUMERIC_INTERNAL_H

#include "clade/kernels.h"
#include "clade/numeric.h"

enum { CLADE__BLOCK_ROWS = 4096, CLADE__BLOCKS_MAX = 256 };

/* n rows cut into blocks: a function of n alone. The last block may be shorter. */
typedef struct clade__blocks {
    size_t rows;
    size_t n;
} clade__blocks;

clade__blocks clade__blocks_of(size_t n);

extern const clade_kernels clade__kernels_plain, clade__kernels_avx2;

#endif
