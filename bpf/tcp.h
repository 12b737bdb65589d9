/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The state of a TCP connection. A segment changes it only if an endpoint would
 * accept the segment (RFC 5961): a stranger who forges segments has to guess
 * 31 bits to end a flow with one segment, and 26 bits to move its sequence
 * numbers, after which a reset at the new number ends it. A segment that is not
 * accepted is forwarded, and changes nothing.
 *
 * Each entry has the numbers of its direction: seq_next, and the ack. The other
 * entry's ack is what the receiver of this direction expects next.
 *
 * A SYN that does not repeat the first one is forged, or of a client that has
 * started again: the backend knows. Until the client acknowledges something, the
 * ack of the forward entry has the number after the latest SYN of that kind.
 */
#pragma once

#include "pkt.h"
#include "types.h"

/* How far a segment may be ahead of seq_next: lost or reordered segments are missing before it. */
#define TCP_MAX_GAP (128 * 1024)

/* The most data of a SYN: a segment of the largest frames. */
#define TCP_MAX_FAST_OPEN 9000

/* How long a backend may be silent before another SYN shows that the client has given up, as lb_flow.seen. */
#define TCP_GIVE_UP ((__s32)(3 * NS_PER_SECOND >> LB_SEEN_SHIFT))

/* How far an acknowledgment may be from the last one, for a segment that is not the next in sequence. */
#define TCP_MAX_ACK_DISTANCE (1024 * 1024)

static __always_inline __u32 tcp_start(const struct packet *pkt)
{
	return bpf_ntohl(pkt->tcp_seq);
}

/* Returns the sequence number after a segment without SYN. A FIN counts as one byte. */
static __always_inline __u32 tcp_end(const struct packet *pkt)
{
	return tcp_start(pkt) + pkt->l4_length - pkt->l4_header_length +
	       !!(pkt->tcp_flags & TCP_FLAG_FIN);
}

/* Returns true if `number` is after `other`, modulo 2^32 (RFC 9293, 3.4). */
static __always_inline bool tcp_is_after(__u32 number, __u32 other)
{
	return (__s32)(number - other) > 0;
}

/* Returns true if an acknowledgment is at most TCP_MAX_ACK_DISTANCE from the last one. */
static __always_inline bool tcp_ack_is_near(__u32 ack, __u32 last)
{
	return ack - last + TCP_MAX_ACK_DISTANCE <= 2 * TCP_MAX_ACK_DISTANCE;
}

/* Returns true if the sequence numbers of the direction are known. */
static __always_inline bool tcp_is_tracked(const struct lb_flow *flow)
{
	return flow->tcp_seen & (LB_SEEN_SYN | LB_SEEN_ACK);
}

/* Returns true if flow->ack is known. The backend's SYN has one, the client's has none. */
static __always_inline bool tcp_ack_is_known(const struct lb_flow *flow)
{
	return flow->tcp_seen & LB_SEEN_ACK ||
	       (flow->tcp_seen & LB_SEEN_SYN && flow->direction == LB_TO_CLIENT);
}

/* Returns true if only SYNs of the direction were accepted: the ack of a forward entry is a SYN's number then. */
static __always_inline bool tcp_has_syns_only(const struct lb_flow *flow)
{
	return (flow->tcp_seen & (LB_SEEN_SYN | LB_SEEN_ACK)) == LB_SEEN_SYN;
}

/* Returns true if the receiver of the direction expects `number` next. `pair` is NULL if unknown. */
static __always_inline bool tcp_is_expected(const struct lb_flow *pair, __u32 number)
{
	return pair && tcp_ack_is_known(pair) && number == pair->ack;
}

/*
 * Keeps the number of a client's SYN. The first one of a connection stays, the
 * latest other one takes the place of the one before. After a connection's end
 * any SYN may be the first one of the next connection.
 */
static __always_inline void tcp_keep_syn(const struct packet *pkt, struct lb_flow *flow)
{
	__u32 next = tcp_start(pkt) + 1;

	if (!tcp_is_tracked(flow))
		flow->seq_next = flow->ack = next;
	else if (next != flow->seq_next || flow->tcp_seen & LB_SEEN_END)
		flow->ack = next;
	if (flow->tcp_seen & LB_SEEN_END)
		__sync_fetch_and_and(&flow->tcp_seen, ~LB_SEEN_ACK);
}

/* Makes the number after the latest other SYN the number of the connection, and keeps the one before. */
static __always_inline void tcp_swap_syns(struct lb_flow *forward)
{
	__u32 first = forward->seq_next;

	forward->seq_next = forward->ack;
	forward->ack = first;
}

/* Returns true if the number acknowledges the SYN before `next`, and its data at most (TCP Fast Open). */
static __always_inline bool tcp_acknowledges_syn(__u32 ack, __u32 next)
{
	return ack - next <= TCP_MAX_FAST_OPEN;
}

/*
 * Moves the numbers of the direction forward, never back, for an accepted
 * segment. The data of a SYN (TCP Fast Open) is left out: the backend may not take
 * it.
 */
static __always_inline void tcp_advance(const struct packet *pkt, struct lb_flow *flow)
{
	__u32 end = tcp_end(pkt), ack = bpf_ntohl(pkt->tcp_ack);

	if (pkt->tcp_flags & TCP_FLAG_SYN) {
		if (flow->direction == LB_TO_BACKEND) {
			tcp_keep_syn(pkt, flow);
			return;
		}
		flow->seq_next = tcp_start(pkt) + 1;
		flow->ack = ack;
		return;
	}
	if (!tcp_is_tracked(flow) || tcp_is_after(end, flow->seq_next))
		flow->seq_next = end;
	if (pkt->tcp_flags & TCP_FLAG_ACK &&
	    (!tcp_ack_is_known(flow) || tcp_is_after(ack, flow->ack)))
		flow->ack = ack;
}

/*
 * Handles the common case: a segment that is next in its direction, and neither
 * begins nor ends anything. Returns false for every other segment, and after the
 * direction's FIN: its acknowledgment may be the connection's last. Two CPUs may
 * handle segments of one direction at once: the numbers may lag behind then, and
 * the next accepted segment corrects them.
 */
static __always_inline bool tcp_track_in_sequence(const struct packet *pkt, struct lb_flow *flow)
{
	const __u8 decisive = TCP_FLAG_SYN | TCP_FLAG_FIN | TCP_FLAG_RST | TCP_FLAG_ACK;
	__u32 ack = bpf_ntohl(pkt->tcp_ack);

	if ((pkt->tcp_flags & decisive) != TCP_FLAG_ACK ||
	    (flow->tcp_seen & (LB_SEEN_ACK | LB_SEEN_FIN)) != LB_SEEN_ACK ||
	    tcp_start(pkt) != flow->seq_next)
		return false;
	flow->seq_next += pkt->l4_length - pkt->l4_header_length;
	if (tcp_is_after(ack, flow->ack))
		flow->ack = ack;
	return true;
}

/*
 * RFC 5961, 3.2: a reset is valid if it has the number that the receiver expects
 * next. Between the last acknowledgment and seq_next data is in flight: both
 * ends count. A reset that refuses a SYN acknowledges it instead (RFC 9293,
 * 3.5.2).
 */
static __always_inline bool tcp_accepts_reset(const struct packet *pkt, const struct lb_flow *flow,
					      const struct lb_flow *pair)
{
	__u32 start = tcp_start(pkt);

	if (tcp_is_tracked(flow) ?
		    start == flow->seq_next :
		    pair && pair->tcp_seen & LB_SEEN_SYN && pkt->tcp_flags & TCP_FLAG_ACK &&
			    bpf_ntohl(pkt->tcp_ack) == pair->seq_next)
		return true;
	return tcp_is_expected(pair, start);
}

/*
 * A SYN is valid before the client acknowledges anything: the client's, and the
 * backend's answer to either SYN of the client that is kept. Until then the backend
 * may send another answer (a SYN cookie of the next minute, or to the other SYN).
 */
static __always_inline bool tcp_accepts_syn(const struct packet *pkt, const struct lb_flow *flow,
					    const struct lb_flow *pair)
{
	__u32 ack = bpf_ntohl(pkt->tcp_ack);

	if (flow->direction == LB_TO_BACKEND)
		return !(flow->tcp_seen & LB_SEEN_ACK) || flow->tcp_seen & LB_SEEN_END;
	return pkt->tcp_flags & TCP_FLAG_ACK && pair && tcp_has_syns_only(pair) &&
	       (tcp_acknowledges_syn(ack, pair->seq_next) || tcp_acknowledges_syn(ack, pair->ack));
}

/*
 * Any other segment needs an acknowledgment. It is accepted if it is next in its
 * direction, or the receiver expects it next, or if it overlaps seq_next or is
 * ahead of it and its acknowledgment is near the last one.
 *
 * The first segment of a direction that has no SYN (a connection that is taken up
 * in its midst) acknowledges about what the other direction has sent. The first
 * one after the client's SYN may be behind or ahead of it (TCP Fast Open) if it
 * acknowledges the backend's SYN.
 */
static __always_inline bool tcp_accepts_segment(const struct packet *pkt,
						const struct lb_flow *flow,
						const struct lb_flow *pair)
{
	__u32 start = tcp_start(pkt), ack = bpf_ntohl(pkt->tcp_ack);
	bool overlaps = flow->seq_next - start < tcp_end(pkt) - start ||
			start - flow->seq_next <= TCP_MAX_GAP;

	if (!(pkt->tcp_flags & TCP_FLAG_ACK))
		return false;
	if (!tcp_is_tracked(flow))
		return !pair || !tcp_is_tracked(pair) || tcp_ack_is_near(ack, pair->seq_next);
	if (start == flow->seq_next || tcp_is_expected(pair, start))
		return true;
	if (tcp_ack_is_known(flow))
		return overlaps && tcp_ack_is_near(ack, flow->ack);
	return pair && pair->tcp_seen & LB_SEEN_SYN && ack == pair->seq_next &&
	       tcp_ack_is_near(start, flow->seq_next);
}

/*
 * Returns the enum lb_tcp_seen bits that the segment sets for its direction, or 0
 * if an endpoint would not accept it. `pair` is the other entry; NULL in modes
 * dsr and tunnel, or if it was evicted.
 */
lb_global __u32 tcp_accept(const struct packet *pkt, const struct lb_flow *flow,
			   const struct lb_flow *pair)
{
	if (!pkt || !flow)
		return 0;
	if (pkt->tcp_flags & TCP_FLAG_RST)
		return tcp_accepts_reset(pkt, flow, pair) ? LB_SEEN_RST : 0;
	if (pkt->tcp_flags & TCP_FLAG_SYN)
		return tcp_accepts_syn(pkt, flow, pair) ? LB_SEEN_SYN : 0;
	if (!tcp_accepts_segment(pkt, flow, pair))
		return 0;
	return pkt->tcp_flags & TCP_FLAG_FIN ? LB_SEEN_ACK | LB_SEEN_FIN : LB_SEEN_ACK;
}

/* Returns true if a client's SYN does not repeat the first one, and the client has acknowledged nothing. */
static __always_inline bool tcp_is_other_syn(const struct packet *pkt, const struct lb_flow *flow)
{
	return tcp_has_syns_only(flow) && tcp_start(pkt) + 1 != flow->seq_next;
}

/* Returns true if the other end has acknowledged the direction's FIN, and so all its data. */
static __always_inline bool tcp_is_finished(const struct lb_flow *flow, const struct lb_flow *pair)
{
	return flow->tcp_seen & LB_SEEN_FIN && tcp_ack_is_known(pair) &&
	       !tcp_is_after(flow->seq_next, pair->ack);
}

/* Returns true if the connection is over: a reset, or both directions are finished. */
static __always_inline bool tcp_is_over(const struct lb_flow *flow, const struct lb_flow *pair)
{
	return (flow->tcp_seen | pair->tcp_seen) & LB_SEEN_RST ||
	       (tcp_is_finished(flow, pair) && tcp_is_finished(pair, flow));
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
	       bpf_ntohl(pkt->tcp_ack) == reply->seq_next;
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
