/* The kernels for any processor. */
#include "numeric_internal.h"

#define KERNELS_TABLE clade__kernels_plain
#include "kernels_body.h"
