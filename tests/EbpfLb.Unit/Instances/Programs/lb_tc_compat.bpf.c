/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The same for a kernel that loads the compatible object. */
#include "lb_tc.bpf.c"
