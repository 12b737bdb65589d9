/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The hash that selects backends. Every balancer and every version computes the
 * same: a flow that moves to another balancer must find its backend there.
 */
#pragma once

#include "types.h"

/* MurmurHash3 (32 bits) by Austin Appleby, in the public domain. */
static __always_inline __u32 hash_word(__u32 hash, __u32 word)
{
	word *= 0xcc9e2d51;
	word = (word << 15) | (word >> 17);
	hash ^= word * 0x1b873593;
	hash = (hash << 13) | (hash >> 19);
	return hash * 5 + 0xe6546b64;
}

static __always_inline __u32 hash_finish(__u32 hash)
{
	hash ^= hash >> 16;
	hash *= 0x85ebca6b;
	hash ^= hash >> 13;
	hash *= 0xc2b2ae35;
	return hash ^ (hash >> 16);
}

static __always_inline __u32 hash_address_into(__u32 hash, const struct lb_address *address)
{
	for (int i = 0; i < 4; i++)
		hash = hash_word(hash, bpf_ntohl(address->word[i]));
	return hash;
}

static __always_inline __u32 hash_address(const struct lb_address *address)
{
	return hash_finish(hash_address_into(0, address));
}

static __always_inline __u32 hash_tuple(const struct lb_tuple *tuple)
{
	__u32 ports = (__u32)bpf_ntohs(tuple->sport) << 16 | bpf_ntohs(tuple->dport);
	__u32 hash = hash_address_into(0, &tuple->src);

	hash = hash_address_into(hash, &tuple->dst);
	hash = hash_word(hash, ports);
	return hash_finish(hash_word(hash, tuple->protocol));
}
