/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Direct server return: the backend owns the service's address and answers the
 * client itself, so the packet that it gets must be the one that the client
 * sent. Only the Ethernet addresses change, and only the client's half of a flow
 * is ever seen, so that is all that a flow consists of.
 */
#pragma once

#include "tcp.h"
#include "types.h"

static __always_inline bool dsr_applies(const struct lb_flow *flow)
{
	return flow->mode == LB_DSR;
}

/*
 * Has an opening flow shown that the client is there? An acknowledgement of what
 * the backend sent cannot be judged, as that was not seen; what can is that the
 * segment follows the client's SYN. Of UDP a second datagram must do.
 */
static __always_inline bool dsr_is_established(const struct lb_flow *flow, const struct packet *pkt)
{
	if (pkt->fragment == FRAGMENT_LATER)
		return false;
	if (pkt->tuple.protocol == IPPROTO_UDP)
		return flow->packets > 0;
	return tcp_is_plain_ack(pkt) && flow->tcp_seen & LB_SEEN_SYN &&
	       bpf_ntohl(pkt->tcp_seq) == flow->handshake_ack;
}

/* Is it over, as far as one can tell from the client? The backend may have yet to say something. */
static __always_inline bool dsr_is_over(const struct lb_flow *flow)
{
	return flow->tcp_seen & (LB_SEEN_FIN | LB_SEEN_RST);
}

/*
 * Is the backend on the link? No router would take a packet for the service's
 * address to it. Where forwarding is off the kernel tells no way: then the
 * backend is on the link that the packet came by, or out of reach.
 */
static __always_inline bool dsr_can_reach(const struct lb_flow *flow, struct fib_result *fib)
{
	if (!fib->routed)
		fib->gateway = flow->rewritten.dst;
	fib->routed = true;
	return lb_address_equals(&fib->gateway, &flow->rewritten.dst);
}
