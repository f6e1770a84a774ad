/* The kernels for processors with AVX2 and fused multiply-add (the build gives the flags). */
#include "numeric_internal.h"

#define KERNELS_TABLE clade__kernels_avx2
#include "kernels_body.h"
