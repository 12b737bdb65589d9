/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What each packet of a flow adds to it: counters, and the state of its connection. */
#pragma once

#include "counters.h"
#include "dsr.h"
#include "events.h"
#include "flow_end.h"
#include "flow_table.h"
#include "pkt.h"
#include "tcp.h"
#include "types.h"

/*
 * Follows a client of mode dsr or tunnel to the connection of its latest SYN. If the
 * flow was over, it begins again. Of several CPUs the first one counts and reports it.
 */
static __always_inline void flow_follow_latest_syn(const struct packet *pkt, struct lb_flow *flow)
{
	const __u32 end = LB_SEEN_FIN | LB_SEEN_RST | LB_SEEN_END;

	tcp_swap_syns(flow);
	if (!(flow->tcp_seen & LB_SEEN_END) ||
	    !(__sync_fetch_and_and(&flow->tcp_seen, ~end) & LB_SEEN_END))
		return;
	flow->opened_ns = bpf_ktime_get_ns();
	flow->packets = 1;
	flow->bytes = pkt->l3_length;
	count_opened(flow);
	count_active_flow(flow->backend, 1);
	event_flow_opened(&pkt->tuple, flow);
}

/*
 * Updates the connection's state for a segment that tcp_track_in_sequence() does
 * not handle: SYN, FIN, RST, segments out of sequence, and those after a FIN.
 */
lb_global bool flow_track(const struct packet *pkt, struct lb_flow *flow)
{
	struct lb_flow *pair;
	__u32 seen;

	if (!pkt || !flow)
		return false;
	pair = dsr_is_direct(flow) ? NULL : flow_pair(&pkt->tuple, flow);
	if (dsr_is_direct(flow) && dsr_follows_latest_syn(flow, pkt))
		flow_follow_latest_syn(pkt, flow);
	seen = tcp_accept(pkt, flow, pair);
	if (!seen)
		return false;
	if (!(seen & LB_SEEN_RST))
		tcp_advance(pkt, flow);
	/* The backend chooses between the client's SYNs. */
	if (seen & LB_SEEN_SYN && flow->direction == LB_TO_CLIENT && pair &&
	    !tcp_acknowledges_syn(flow->ack, pair->seq_next))
		tcp_swap_syns(pair);
	if (seen & ~flow->tcp_seen)
		__sync_fetch_and_or(&flow->tcp_seen, seen);
	if ((seen | flow->tcp_seen) & (LB_SEEN_FIN | LB_SEEN_RST))
		flow_end(&pkt->tuple, flow, pair);
	return true;
}

/*
 * Counts a forwarded packet and updates the connection's state. Every packet
 * restarts the idle timeout: a forged one keeps a flow, and never ends one.
 */
static __always_inline void flow_update(struct lb_flow *flow, const struct packet *pkt, __u32 now)
{
	flow->seen = now;
	flow->packets++;
	flow->bytes += pkt->l3_length;
	/* UDP and later fragments have no flags. */
	if (pkt->tcp_flags && !tcp_track_in_sequence(pkt, flow))
		flow_track(pkt, flow);
}
