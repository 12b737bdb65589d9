/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Direct server return. The backend has the service's address and replies to the
 * client itself. Only the client's direction passes here, so a flow has a forward
 * entry and no reply entry. In mode dsr (layer 2) only the Ethernet addresses of
 * a packet change; in mode tunnel (layer 3, tunnel.h) the packet gets an outer
 * header. Nothing here has side effects.
 */
#pragma once

#include "address.h"
#include "tcp.h"
#include "types.h"

/* Returns true if the backend replies to the client itself: in modes dsr and tunnel. */
static __always_inline bool dsr_is_direct(const struct lb_flow *flow)
{
	return flow->mode != LB_NAT;
}

/* Returns true in mode dsr. */
static __always_inline bool dsr_applies(const struct lb_flow *flow)
{
	return flow->mode == LB_DSR;
}

/* Returns true if the segment is the first one after the client's latest SYN. */
static __always_inline bool dsr_follows_latest_syn(const struct lb_flow *flow,
						   const struct packet *pkt)
{
	return tcp_is_plain_ack(pkt) && tcp_has_syns_only(flow) && tcp_start(pkt) == flow->ack;
}

/*
 * Returns true if the segment shows that the client of a half-open flow is real.
 * The backend's SYN did not pass here, so the acknowledgement cannot be checked:
 * the segment has to follow the client's first or latest SYN.
 */
static __always_inline bool dsr_is_established(const struct lb_flow *flow, const struct packet *pkt)
{
	if (pkt->fragment == FRAGMENT_LATER)
		return false;
	return tcp_is_plain_ack(pkt) && flow->tcp_seen & LB_SEEN_SYN &&
	       (tcp_start(pkt) == flow->seq_next || dsr_follows_latest_syn(flow, pkt));
}

/* Returns true if the client ended the connection. The backend may still send. */
static __always_inline bool dsr_is_over(const struct lb_flow *flow)
{
	return flow->tcp_seen & (LB_SEEN_FIN | LB_SEEN_RST);
}

/*
 * Returns true if the backend is on link: a router would not forward the
 * service's address to it. If the kernel gave no route (forwarding is off), the
 * backend is on the link that the packet came by, or unreachable.
 */
static __always_inline bool dsr_is_on_link(const struct lb_flow *flow, const struct fib_result *fib)
{
	return !fib->routed || lb_address_equals(&fib->gateway, &flow->rewritten.dst);
}
