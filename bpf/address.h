/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Addresses and tuples: conversion and comparison. Nothing here has side effects. */
#pragma once

#include "types.h"

/* Returns ::ffff:a.b.c.d for an IPv4 address in network order. */
static __always_inline struct lb_address lb_address_v4(__be32 address)
{
	struct lb_address mapped = { .word = { 0, 0, bpf_htonl(0xffff), address } };

	return mapped;
}

static __always_inline struct lb_address lb_address_v6(const struct in6_addr *address)
{
	struct lb_address result;

	__builtin_memcpy(&result, address, sizeof(result));
	return result;
}

/* Returns the IPv4 address of an IPv4-mapped one, in network order. */
static __always_inline __be32 lb_address_to_v4(const struct lb_address *address)
{
	return address->word[3];
}

static __always_inline bool lb_address_is_v4(const struct lb_address *address)
{
	return address->word[0] == 0 && address->word[1] == 0 &&
	       address->word[2] == bpf_htonl(0xffff);
}

static __always_inline bool lb_address_is_zero(const struct lb_address *address)
{
	return !(address->word[0] | address->word[1] | address->word[2] | address->word[3]);
}

static __always_inline bool lb_address_equals(const struct lb_address *a,
					      const struct lb_address *b)
{
	return a->word[0] == b->word[0] && a->word[1] == b->word[1] && a->word[2] == b->word[2] &&
	       a->word[3] == b->word[3];
}

/*
 * Returns true if no packet on a wire comes from that address: for IPv4 "this
 * network", loopback, multicast and the limited broadcast (RFC 1812, 5.3.7), for IPv6
 * the unspecified one, loopback and multicast (RFC 4291, 2.5.2, 2.5.3 and 2.7).
 */
static __always_inline bool lb_address_is_martian(const struct lb_address *address)
{
	__u32 first = bpf_ntohl(address->word[0]), last = bpf_ntohl(address->word[3]);

	if (lb_address_is_v4(address))
		return last >> 24 == 0 || last >> 24 == 127 || last >> 28 == 0xe || last == ~0U;
	return first >> 24 == 0xff ||
	       (!(address->word[0] | address->word[1] | address->word[2]) && last <= 1);
}

/* Returns the tuple of the opposite direction. */
static __always_inline struct lb_tuple lb_tuple_reversed(const struct lb_tuple *tuple)
{
	struct lb_tuple reversed = {
		.src = tuple->dst,
		.dst = tuple->src,
		.sport = tuple->dport,
		.dport = tuple->sport,
		.protocol = tuple->protocol,
	};

	return reversed;
}

static __always_inline bool lb_tuple_equals(const struct lb_tuple *a, const struct lb_tuple *b)
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2] && x[3] == y[3] && x[4] == y[4];
}

/* Returns true if `a` is the tuple of the direction opposite to `b`. */
static __always_inline bool lb_tuple_is_reversed(const struct lb_tuple *a, const struct lb_tuple *b)
{
	return lb_address_equals(&a->src, &b->dst) && lb_address_equals(&a->dst, &b->src) &&
	       a->sport == b->dport && a->dport == b->sport && a->protocol == b->protocol;
}
