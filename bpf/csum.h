/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The arithmetic of the Internet checksum (RFC 1071, RFC 1624). A sum is a one's
 * complement number in the byte order of memory: no swap is needed. Nothing here
 * has side effects.
 */
#pragma once

#include "address.h"
#include "pkt.h"
#include "types.h"

/* What a rewrite adds to the sums over a packet. */
struct csum_delta {
	const struct lb_tuple *to; /* the new tuple */
	__u32 addresses; /* the change of the addresses */
	__u32 payload; /* the change behind the IP header, the L4 checksum excluded */
};

/* Returns the 16-bit sum of a 32-bit one. */
static __always_inline __u16 csum_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Returns the 32-bit sum of a 64-bit one: of up to 2^32 words of 32 bits. */
static __always_inline __u32 csum_from64(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	return sum + (sum >> 32);
}

static __always_inline __u32 csum_add(__u32 a, __u32 b)
{
	__u64 sum = (__u64)a + b;

	return sum + (sum >> 32);
}

/*
 * Returns the 64-bit sum of an address. The prefix of an IPv4-mapped address adds
 * 0xffff, which is zero in one's complement.
 */
static __always_inline __u64 csum_address(const struct lb_address *address)
{
	return (__u64)address->word[0] + address->word[1] + address->word[2] + address->word[3];
}

static __always_inline __u64 csum_addresses(const struct lb_tuple *tuple)
{
	return csum_address(&tuple->src) + csum_address(&tuple->dst);
}

/* Returns what new addresses add to a sum that covers them. */
static __always_inline __u32 csum_addresses_change(const struct lb_tuple *from,
						   const struct lb_tuple *to)
{
	__u32 before = csum_from64(csum_addresses(from));

	/* Without the barrier clang keeps the words of both tuples in registers and spills others. */
	barrier_var(before);
	return csum_from64(csum_addresses(to) + (__u32)~before);
}

/* Returns the sum of the ports. */
static __always_inline __u32 csum_ports(const struct lb_tuple *tuple)
{
	return (__u32)tuple->sport + tuple->dport;
}

/* Returns the sum of the pseudo header (RFC 9293, 3.1; RFC 8200, 8.1). */
static __always_inline __u32 csum_pseudo_header(const struct lb_tuple *tuple, __u32 l4_length)
{
	return csum_from64(csum_addresses(tuple) + bpf_htons(tuple->protocol) +
			   bpf_htonl(l4_length));
}

/*
 * Returns true if the checksum field has the value of CHECKSUM_PARTIAL: the
 * pseudo header's sum. One complete checksum in 65536 has the same value.
 */
static __always_inline bool csum_looks_partial(const struct packet *pkt)
{
	/* No device completes a checksum over fragments, and ICMP's is always complete. */
	if (pkt->fragment || pkt_is_icmp(pkt))
		return false;
	return pkt->l4_checksum == csum_fold(csum_pseudo_header(&pkt->tuple, pkt->l4_length));
}

/* Returns the transport checksum `old` after a rewrite. */
static __always_inline __u16 csum_update(__u16 old, const struct packet *pkt,
					 const struct csum_delta *delta)
{
	__u32 sum = csum_add(old ^ 0xffff, delta->payload);
	__u16 checksum;

	if (pkt->tuple.protocol != IPPROTO_ICMP)
		sum = csum_add(sum, delta->addresses);
	checksum = ~csum_fold(sum);
	/* RFC 768: a computed zero is sent as 0xffff. */
	return checksum == 0 && pkt->tuple.protocol == IPPROTO_UDP ? 0xffff : checksum;
}

/* Returns the value `old` of a CHECKSUM_PARTIAL field after a rewrite. */
static __always_inline __u16 csum_update_partial(__u16 old, const struct csum_delta *delta)
{
	return csum_fold(csum_add(old, delta->addresses));
}
