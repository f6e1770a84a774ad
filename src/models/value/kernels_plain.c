/* The kernels for any processor. */
#define KERNELS_TABLE clade__value_kernels_plain
#include "kernels_body.h"
