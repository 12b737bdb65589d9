/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The refusal of a packet: it goes to the local stack, which answers it as if there were
 * no balancer, and is reported.
 */
#pragma once

#include "ctx.h"
#include "events.h"
#include "pkt.h"
#include "types.h"

/*
 * Refuses a packet. Only the last program that sees the packet refuses and
 * reports it; another one leaves it to that one. `flow` is the flow that was to
 * be opened; NULL before a backend is selected.
 */
static __always_inline enum lb_reason refuse_packet(const struct packet *pkt,
						    const struct lb_flow *flow, __u32 service,
						    enum lb_reason reason)
{
	if (!CTX_IS_LAST)
		return LB_PASS_TO_TC;
	event_refused(&pkt->tuple, flow, service, reason);
	return reason;
}
