/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The transport checksum, which is the hook's to update: skb helpers know about
 * offload, raw writes do not.
 *
 * ctx_csum_inspect         finds out what the checksum field holds
 * ctx_can_rewrite          true if the checksum can be updated with certainty
 * ctx_csum_update          updates the checksum after a rewrite
 * ctx_csum_complete_update makes a card's sum of the packet follow bytes that were written
 */
#pragma once

#include "ctx.h"

#ifdef LB_HOOK_XDP
#include "ctx_csum_xdp.h"
#else
#include "ctx_csum_tc.h"
#endif
