/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The rest of SNAT ports after their connections. It lasts as long as TIME_WAIT on
 * Linux: a backend in TIME_WAIT refuses a SYN with an older timestamp (RFC 7323, 5:
 * PAWS), and those of two clients do not compare. Resting ports have a table of their
 * own: in `flows` they would evict idle connections.
 *
 * CPUs write to a set without a lock. A port whose element two of them write at once
 * may lose its rest, or rest for the other client. So may one whose rest another CPU
 * begins between this one's reading of the clock and of the element.
 */
#pragma once

#include "address.h"
#include "flow_table.h"
#include "hash.h"
#include "maps.h"
#include "types.h"

/* How long a port rests, as resting_port.since. */
#define SNAT_RESTING_TIME ((__u16)(60 * NS_PER_SECOND >> RESTING_SHIFT) + 2)

static __always_inline __u16 snat_rest_now(void)
{
	return bpf_ktime_get_coarse_ns() >> RESTING_SHIFT;
}

/* Returns the hash of a TCP flow's reply tuple, the backend's end first; it is not 0. */
static __always_inline __u32 snat_rest_hash(const struct lb_address *backend,
					    const struct lb_address *own, __be16 backend_port,
					    __be16 own_port)
{
	__u32 hash = hash_address_into(hash_address_into(0, backend), own);

	return hash_finish(hash_word(hash, (__u32)backend_port << 16 | own_port)) ?: 1;
}

static __always_inline struct resting_set *snat_rest_set(__u32 tuple)
{
	/* The hash's own bits select the set, so that the hash in the element tells more. */
	__u32 index = (__u64)(tuple * 0x9e3779b1U) * settings.resting_sets >> 32;

	return bpf_map_lookup_elem(&resting_ports, &index);
}

static __always_inline bool snat_rest_is_over(const struct resting_port *port, __u16 now)
{
	return !port->tuple || (__u16)(now - port->since) >= SNAT_RESTING_TIME;
}

/* Returns true if the element is better given up than the other one. */
static __always_inline bool snat_rest_is_older(const struct resting_port *port,
					       const struct resting_port *other, __u16 now)
{
	if (snat_rest_is_over(other, now))
		return false;
	return snat_rest_is_over(port, now) ||
	       (__u16)(now - port->since) > (__u16)(now - other->since);
}

/*
 * Begins the rest of a port, of the reply tuple with that hash. If all ports of its
 * set rest, that of another one ends, and is counted. Returns false if there is no
 * table. It is a function of its own so that the verifier follows its loop once.
 */
lb_global bool snat_rest_begin(__u32 tuple, __u16 client)
{
	struct resting_set *set = snat_rest_set(tuple);
	struct resting_port *port, *taken;
	struct lb_table_changes *changes;
	__u16 now = snat_rest_now();

	if (!set)
		return false;
	taken = &set->ports[0];
	for (int i = 0; i < RESTING_PORTS; i++) {
		port = &set->ports[i];
		if (port->tuple == tuple) {
			taken = port;
			break;
		}
		if (snat_rest_is_older(port, taken, now))
			taken = port;
	}
	if (taken->tuple != tuple && !snat_rest_is_over(taken, now)) {
		changes = flow_changes(LB_TABLE_ESTABLISHED);
		if (changes)
			changes->rests_cut_short++;
	}
	taken->tuple = tuple;
	taken->client = client;
	taken->since = now;
	return true;
}

/* Begins the rest of the port of a TCP flow that is over, by its forward entry. */
static __always_inline void snat_rest_flow(const struct lb_flow *forward,
					   const struct lb_address *client)
{
	const struct lb_tuple *to = &forward->rewritten;

	snat_rest_begin(snat_rest_hash(&to->dst, &to->src, to->dport, to->sport),
			hash_address(client));
}

/*
 * Returns for how long the port of a reply tuple has rested after another client's
 * connection, as lb_flow.seen, or 0 if the client may have it. `client` is the hash of
 * its address. The verifier follows it once, not once per retry.
 */
lb_global __u32 snat_rest_of(const struct lb_tuple *reply, __u16 client)
{
	struct resting_port *port;
	struct resting_set *set;
	__u16 now = snat_rest_now();
	__u32 tuple;

	if (!reply)
		return 0;
	tuple = snat_rest_hash(&reply->src, &reply->dst, reply->sport, reply->dport);
	set = snat_rest_set(tuple);
	if (!set)
		return 0;
	for (int i = 0; i < RESTING_PORTS; i++) {
		port = &set->ports[i];
		if (port->tuple != tuple)
			continue;
		if (snat_rest_is_over(port, now) || port->client == client)
			return 0;
		return ((__u32)(__u16)(now - port->since) + 1) << (RESTING_SHIFT - LB_SEEN_SHIFT);
	}
	return 0;
}
