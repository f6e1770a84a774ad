/* Which kernels are in use. */
#include "value_internal.h"

#include "clade/numeric.h"

const clade__value_kernels *clade__value_kernels_get(void)
{
#if defined(__x86_64__)
    if (clade_isa_get() >= CLADE_ISA_AVX2) return &clade__value_kernels_avx2;
#endif
    return &clade__value_kernels_plain;
}
