/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Every map of the datapath. User space writes all of them, except for flows,
 * fragments, round-robin positions, counters, events and what a program keeps
 * for itself.
 */
#pragma once

#include "abi.h"
#include "types.h"

/*
 * Flows are in three maps, so that no packet that a stranger can forge evicts an
 * established TCP connection. Modes dsr and tunnel are the exception: the backend's
 * number is not seen, and two forged segments in sequence establish a flow. Each
 * flow has a forward entry and a reply entry in the same map; in modes dsr and
 * tunnel it has a forward entry. User space sets the sizes before the load. Here: established TCP
 * connections.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 131072);
	__type(key, struct lb_tuple);
	__type(value, struct lb_flow);
} flows SEC(".maps");

/* Half-open TCP connections: one endpoint has not shown yet that it is real. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, struct lb_tuple);
	__type(value, struct lb_flow);
} half_open SEC(".maps");

/* UDP flows: nothing in a datagram shows that its sender is real. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct lb_tuple);
	__type(value, struct lb_flow);
} udp_flows SEC(".maps");

/* Changes of the flow tables, by enum lb_flow_table. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LB_TABLE_COUNT);
	__type(key, __u32);
	__type(value, struct lb_table_changes);
} table_changes SEC(".maps");

/* The last scan of the flow tables, by enum lb_flow_table. The datapath does not read it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LB_TABLE_COUNT);
	__type(key, __u32);
	__type(value, struct lb_table_scan);
} table_scans SEC(".maps");

/* How many flows have moved from `half_open` to `flows`. A look-up in both during which it does not change misses no entry. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} generation SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LB_MAX_SERVICES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct lb_service_key);
	__type(value, struct lb_service);
} services SEC(".maps");

/*
 * One bit for each port of a service or backend (LB_PORT_FILTER_WORD). User
 * space sets a bit before it writes the service, and clears none: flows outlive
 * their services.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LB_PORT_FILTER_WORDS);
	__type(key, __u32);
	__type(value, __u64);
} port_filter SEC(".maps");

/*
 * The addresses that packets of flows are sent to (LB_ADDRESS_FILTER_WORD). User space
 * sets a bit before it writes the service, the datapath before it opens the flow.
 * Nobody clears one.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LB_ADDRESS_FILTER_WORDS);
	__type(key, __u32);
	__type(value, __u64);
} address_filter SEC(".maps");

/* Backends by id. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LB_MAX_BACKENDS);
	__type(key, __u32);
	__type(value, struct lb_backend);
} backends SEC(".maps");

/* The attached interfaces by index. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LB_MAX_LINKS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct lb_link);
} links SEC(".maps");

/* Their link layers, from the first element on: a few compares find one, where a hash costs as much as the parser. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LB_MAX_LINKS);
	__type(key, __u32);
	__type(value, struct lb_link_layer);
} ethernet_links SEC(".maps");

/*
 * A service's slot table: element 0 is the number of slots n, elements 1 to n
 * are backend ids. User space fills a table before it puts it into `slots`: the
 * datapath never sees a table that is half written.
 */
struct lb_slot_table {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_INNER_MAP);
	__type(key, __u32);
	__type(value, __u32);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, LB_MAX_SERVICES);
	__type(key, __u32);
	__array(values, struct lb_slot_table);
} slots SEC(".maps");

/* The next round-robin position by service id. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LB_MAX_SERVICES);
	__type(key, __u32);
	__type(value, __u64);
} rr_counters SEC(".maps");

/* Active flows by backend id. An eviction is not counted: user space corrects the numbers. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LB_MAX_BACKENDS);
	__type(key, __u32);
	__type(value, __s64);
} active_flows SEC(".maps");

/*
 * Open sockets. A full table evicts the record that was not looked up for longest:
 * no program keeps others out, and records whose end nobody saw give way.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, LB_MAX_SOCKETS);
	__type(key, struct lb_socket_key);
	__type(value, struct lb_socket);
} sockets SEC(".maps");

/* SNAT ports that rest, by a part of the hash of their tuple; see snat_rest.h. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct resting_set);
} resting_ports SEC(".maps");

/* The next substitute SNAT port, by backend id: 0 before the first one, else a count. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LB_MAX_BACKENDS);
	__type(key, __u32);
	__type(value, __u64);
} snat_cursors SEC(".maps");

/* Packets by enum lb_reason. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LB_REASON_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} reasons SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LB_MAX_SERVICES);
	__type(key, __u32);
	__type(value, struct lb_traffic);
} service_traffic SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LB_MAX_BACKENDS);
	__type(key, __u32);
	__type(value, struct lb_traffic);
} backend_traffic SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

/*
 * By event type, when the next one is due if they are sent evenly: nanoseconds of
 * CLOCK_MONOTONIC. It is shared by the CPUs: a used-up budget is only read.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LB_EVENT_TYPE_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} events_due_ns SEC(".maps");

/* Events beyond the limit, by event type. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LB_EVENT_TYPE_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} events_suppressed SEC(".maps");

/*
 * The ports that the balancer added to ip_local_reserved_ports, a bit each, for
 * the process that detaches it. User space alone uses it.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536 / 64);
	__type(key, __u32);
	__type(value, __u64);
} reserved_ports SEC(".maps");

/* Events that were lost because the ring buffer was full. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} events_lost SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LB_MAX_SERVICES);
	__type(key, __u32);
	__type(value, struct lb_label);
} service_labels SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LB_MAX_BACKENDS);
	__type(key, __u32);
	__type(value, struct lb_label);
} backend_labels SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lb_instance);
} instance SEC(".maps");

/* Ports of fragmented datagrams; see frag.h. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct frag_key);
	__type(value, struct frag_ports);
} fragments SEC(".maps");

/* The next IPv4 id for a fragmented datagram; see frag.h. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} frag_next_id SEC(".maps");

/* The time at which the next ICMP error would be due at an even rate (CLOCK_MONOTONIC); see icmp_limit.h. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} icmp_due_ns SEC(".maps");

/* The packet in work; see pkt_ctx.h. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pkt_ctx);
} packet_contexts SEC(".maps");

/* Set before the load; the verifier treats them as constants. */
const volatile struct lb_settings settings SEC(".rodata.settings") = {
	.nat_port_min = 1024,
	.nat_port_max = 64511,
	.substitute_port_min = 1024,
	.substitute_port_max = 32767,
	.local_port_min = 32768,
	.local_port_max = 60999,
	.event_level = LB_EVENTS_FLOWS,
	.icmp_per_second = LB_ICMP_PER_SECOND,
	.resting_sets = 16384,
};
