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

static __always_inline __u32 csum_add(__u32 a, __u32 b)
{
	a += b;
	return a + (a < b);
}

/*
 * An address' sum. What marks an IPv4 address as mapped adds 0xffff, which is
 * zero in one's complement: the sum is that of the bare address.
 */
static __always_inline __u32 csum_address(const struct lb_address *address)
{
	__u32 sum = csum_add(address->word[0], address->word[1]);

	return csum_add(sum, csum_add(address->word[2], address->word[3]));
}

/* What a rewrite's new addresses add to every sum that covers them. */
static __always_inline __u32 csum_addresses_change(const struct lb_tuple *from,
						   const struct lb_tuple *to)
{
	__u32 before = csum_add(csum_address(&from->src), csum_address(&from->dst));
	__u32 after = csum_add(csum_address(&to->src), csum_address(&to->dst));

	return csum_add(~before, after);
}

/* A tuple's ports as the one word that they are in the TCP or UDP header. */
static __always_inline __u32 csum_ports(const struct lb_tuple *tuple)
{
	return (__u32)tuple->sport + tuple->dport;
}

/* The sum of the pseudo header that TCP and UDP checksums cover (RFC 9293, 3.1; RFC 8200, 8.1). */
static __always_inline __u32 csum_pseudo_header(const struct lb_tuple *tuple, __u16 l4_length)
{
	__u32 sum = csum_add(csum_address(&tuple->src), csum_address(&tuple->dst));

	sum = csum_add(sum, bpf_htons(tuple->protocol));
	return csum_add(sum, bpf_htons(l4_length));
}
