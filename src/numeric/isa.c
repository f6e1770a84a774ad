/* Which instruction set the kernels use: asked once, when the first kernel needs to know. */
#include "clade/numeric.h"

#include <stdatomic.h>
#include <stdlib.h>

static _Atomic int chosen = -1;

static clade_isa best(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        return __builtin_cpu_supports("avx512f") ? CLADE_ISA_AVX512 : CLADE_ISA_AVX2;
    }
#endif
    return CLADE_ISA_PLAIN;
}

const char *clade_isa_name(clade_isa isa)
{
    static const char *const names[] = { "plain", "avx2", "avx512" };
    return names[isa];
}

clade_isa clade_isa_get(void)
{
    if (chosen < 0) {
        const char *const wanted = getenv("CLADE_ISA");
        clade_isa         isa    = best();
        for (int i = 0; wanted != NULL && i < (int)isa; i++) {
            if (strcmp(wanted, clade_isa_name((clade_isa)i)) == 0) isa = (clade_isa)i;
        }
        chosen = (int)isa;
    }
    return (clade_isa)chosen;
}

void clade_isa_set(clade_isa isa)
{
    const clade_isa most = best();
    chosen               = (int)(isa < most ? isa : most);
}
