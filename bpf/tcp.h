/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* TCP segments and the state of their connection. Nothing here has side effects. */
#pragma once

#include "pkt.h"
#include "types.h"

/* Returns the enum lb_tcp_seen bits that a segment sets for its direction. */
static __always_inline __u32 tcp_seen_in(const struct packet *pkt)
{
	__u32 seen = 0;

	if (pkt->tcp_flags & TCP_FLAG_SYN)
		seen |= LB_SEEN_SYN;
	else if (pkt->tcp_flags & TCP_FLAG_ACK)
		seen |= LB_SEEN_ACK;
	if (pkt->tcp_flags & TCP_FLAG_FIN)
		seen |= LB_SEEN_FIN;
	if (pkt->tcp_flags & TCP_FLAG_RST)
		seen |= LB_SEEN_RST;
	return seen;
}

/*
 * Returns true if a SYN is of another connection than the flow's, whose handshake
 * the client never completed. A retransmitted SYN has the same sequence number.
 */
static __always_inline bool tcp_is_given_up(const struct lb_flow *flow, const struct packet *pkt)
{
	return (flow->tcp_seen & (LB_SEEN_SYN | LB_SEEN_ACK)) == LB_SEEN_SYN &&
	       bpf_ntohl(pkt->tcp_seq) + 1 != flow->handshake_ack;
}

/*
 * Returns true if the segment opens a new connection on a flow's tuple: a SYN
 * from the client to a flow that is over, or whose handshake was given up. Its
 * backend is selected anew: one that did not answer must not get the next SYN.
 */
static __always_inline bool tcp_reopens(const struct lb_flow *flow, const struct packet *pkt)
{
	return pkt->tuple.protocol == IPPROTO_TCP && pkt_opens_flow(pkt) &&
	       flow->direction == LB_TO_BACKEND &&
	       (flow->tcp_seen & LB_SEEN_END || tcp_is_given_up(flow, pkt));
}

/* Returns true if the connection is over: a FIN in each direction, or a reset. */
static __always_inline bool tcp_is_over(const struct lb_flow *flow, const struct lb_flow *pair)
{
	return (flow->tcp_seen | pair->tcp_seen) & LB_SEEN_RST ||
	       flow->tcp_seen & pair->tcp_seen & LB_SEEN_FIN;
}

static __always_inline bool tcp_is_plain_ack(const struct packet *pkt)
{
	return (pkt->tcp_flags & (TCP_FLAG_ACK | TCP_FLAG_SYN | TCP_FLAG_RST)) == TCP_FLAG_ACK;
}

/*
 * Returns true if the client's segment completes the handshake: it acknowledges
 * the backend's SYN, whose number a forger has not seen.
 */
static __always_inline bool tcp_completes_handshake(const struct packet *pkt,
						    const struct lb_flow *reply)
{
	return tcp_is_plain_ack(pkt) && reply->tcp_seen & LB_SEEN_SYN &&
	       bpf_ntohl(pkt->tcp_ack) == reply->handshake_ack;
}

/*
 * Returns true if the backend acknowledged a connection whose handshake was not
 * seen: a backend that does not know the connection sends a reset.
 */
static __always_inline bool tcp_is_resumed(const struct lb_flow *flow, const struct lb_flow *reply)
{
	const __u32 decisive = LB_SEEN_SYN | LB_SEEN_ACK | LB_SEEN_RST;

	return !(flow->tcp_seen & LB_SEEN_SYN) && (reply->tcp_seen & decisive) == LB_SEEN_ACK;
}
