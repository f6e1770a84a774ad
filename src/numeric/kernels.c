/* Which table of kernels is in use. */
#include "numeric_internal.h"

const clade_kernels *clade_kernels_get(void)
{
#if defined(__x86_64__)
    if (clade_isa_get() >= CLADE_ISA_AVX2) return &clade__kernels_avx2;
#endif
    return &clade__kernels_plain;
}
