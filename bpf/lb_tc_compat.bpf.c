/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The tc program for kernels that cannot load lb_tc: the same behaviour, a little slower. */
#define LB_TC_COMPAT
#include "lb_tc.h"
