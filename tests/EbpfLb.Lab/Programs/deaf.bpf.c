/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Leaves what it does not drop to the next program (TCX_NEXT). */
#define DEAF_OTHERWISE TC_ACT_UNSPEC
#include "deaf.h"
