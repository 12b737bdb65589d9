/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The tc program for Linux 6.2 and later. */
#include "lb_tc.h"
