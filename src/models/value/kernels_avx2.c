/* The kernels for processors with AVX2 (the build gives the flag). */
#define KERNELS_TABLE clade__value_kernels_avx2
#include "kernels_body.h"
