/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The internet checksum's arithmetic (RFC 1071, RFC 1624). Sums are one's
 * complement and carry no byte order: they are added as they stand in memory.
 */
#pragma once

#include "types.h"

static __always_inline __u16 csum_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* The 32-bit sum of up to 2^32 32-bit words that were added up without their carries being lost. */
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
 * An address' sum, in 64 bits. What marks an IPv4 address as mapped adds 0xffff, which is
 * zero in one's complement: the sum is that of the bare address.
 */
static __always_inline __u64 csum_address(const struct lb_address *address)
{
	return (__u64)address->word[0] + address->word[1] + address->word[2] + address->word[3];
}

static __always_inline __u64 csum_addresses(const struct lb_tuple *tuple)
{
	return csum_address(&tuple->src) + csum_address(&tuple->dst);
}

/* What a rewrite's new addresses add to every sum that covers them. */
static __always_inline __u32 csum_addresses_change(const struct lb_tuple *from,
						   const struct lb_tuple *to)
{
	__u32 before = csum_from64(csum_addresses(from));

	/* Summed up by now: left alone, clang holds all words of both in registers that it has not. */
	barrier_var(before);
	return csum_from64(csum_addresses(to) + (__u32)~before);
}

/* A tuple's ports as the one word that they are in the TCP or UDP header. */
static __always_inline __u32 csum_ports(const struct lb_tuple *tuple)
{
	return (__u32)tuple->sport + tuple->dport;
}

/* The sum of the pseudo header that TCP and UDP checksums cover (RFC 9293, 3.1; RFC 8200, 8.1). */
static __always_inline __u32 csum_pseudo_header(const struct lb_tuple *tuple, __u16 l4_length)
{
	return csum_from64(csum_addresses(tuple) + bpf_htons(tuple->protocol) +
			   bpf_htons(l4_length));
}

/*
 * The kernel leaves the pseudo header's sum where hardware is to write the
 * checksum. A complete checksum of the same value is rare.
 */
static __always_inline bool csum_looks_partial(const struct packet *pkt)
{
	/* Not even hardware finishes a checksum over fragments, and ICMP's is always complete. */
	if (pkt->fragment || pkt_is_icmp(pkt))
		return false;
	return pkt->l4_checksum == csum_fold(csum_pseudo_header(&pkt->tuple, pkt->l4_length));
}

/* A transport checksum after a change to what it covers. */
static __always_inline __u16 csum_update(__u16 old, const struct packet *pkt,
					 const struct change *change)
{
	__u32 sum = csum_add(old ^ 0xffff, change->body);
	__u16 checksum;

	if (pkt->tuple.protocol != IPPROTO_ICMP)
		sum = csum_add(sum, change->addresses);
	checksum = ~csum_fold(sum);
	/* RFC 768: a computed zero is sent as its other form. */
	return checksum == 0 && pkt->tuple.protocol == IPPROTO_UDP ? 0xffff : checksum;
}

/* The sum of a pseudo header, which stands where a checksum is yet to be made, after a change of addresses. */
static __always_inline __u16 csum_update_partial(__u16 old, const struct change *change)
{
	return csum_fold(csum_add(old, change->addresses));
}
