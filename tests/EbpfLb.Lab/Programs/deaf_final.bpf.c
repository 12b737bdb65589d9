/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Accepts what it does not drop (TCX_PASS): no program behind it sees any packet. */
#define DEAF_OTHERWISE TC_ACT_OK
#include "deaf.h"
