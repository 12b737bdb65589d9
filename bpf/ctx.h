/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The hook's context. The core is written against these names; ctx_tc.h and
 * ctx_xdp.h define them:
 *
 * lb_ctx             the program's context type
 * CTX_PASS, CTX_DROP verdicts
 * CTX_IS_LAST        true if no other program of the balancer sees the packet after this one
 * ctx_length         length of the frame
 * ctx_ingress        index of the interface that the packet came by
 * ctx_read_link      reads the link layer: the protocol, and whether the frame is for this host
 * ctx_l3_offset      offset of the IP header in the frame
 * ctx_header         pointer to a header, with bounds checked
 * ctx_gso_length     length of a large segment's frame, 0 for other packets
 * ctx_leaving_size   size of the IP packet when it leaves
 * ctx_make_quote     makes room for an ICMP error's headers
 * ctx_can_tunnel     true if this hook can put a tunnel's header before the packet
 * ctx_make_outer     makes room for a tunnel's header
 * ctx_can_send       true if this hook can send the packet to the next hop
 * ctx_send           sends the packet
 *
 * An entry includes its context header first. A header that is compiled alone
 * gets that of tc.
 */
#pragma once

#ifdef LB_HOOK_XDP
#include "ctx_xdp.h"
#else
#include "ctx_tc.h"
#endif
