/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The address filter. A packet to an address of no service and of no flow, such as
 * one that the host forwards, passes after two look-ups in an array behind those of
 * the port filter, also if its port is that of a service.
 */
#pragma once

#include "maps.h"
#include "types.h"

/* Returns the bit of an address. LbAddress.FilterBit is its copy. */
static __always_inline __u32 address_filter_bit(const struct lb_address *address)
{
	__u32 folded = address->word[0] ^ address->word[1] ^ address->word[2] ^ address->word[3];

	return (folded * 0x9e3779b1U) >> (32 - LB_ADDRESS_FILTER_BITS);
}

/* Returns the word of a bit, in a half of the filter (LB_ADDRESS_FILTER_*). */
static __always_inline __u64 *address_filter_word(__u32 side, __u32 bit)
{
	__u32 word = LB_ADDRESS_FILTER_WORD(side, bit);

	return bpf_map_lookup_elem(&address_filter, &word);
}

static __always_inline bool address_filter_has(__u32 side, __u32 bit)
{
	const __u64 *bits = address_filter_word(side, bit);

	return bits && *bits >> (bit % 64) & 1;
}

/* Returns false if the address is neither of a service nor of a flow. True may be a collision of hashes. */
static __always_inline bool address_filter_match(const struct lb_address *address)
{
	__u32 bit = address_filter_bit(address);

	return address_filter_has(LB_ADDRESS_FILTER_SERVICES, bit) ||
	       address_filter_has(LB_ADDRESS_FILTER_SNAT, bit);
}

/* Adds an address that SNAT sends from, so that replies to it match. Call it before a flow with that address is inserted. */
static __always_inline void address_filter_add(const struct lb_address *address)
{
	__u32 bit = address_filter_bit(address);
	__u64 *bits = address_filter_word(LB_ADDRESS_FILTER_SNAT, bit);

	if (bits && !(*bits >> (bit % 64) & 1))
		__sync_fetch_and_or(bits, 1ULL << (bit % 64));
}
