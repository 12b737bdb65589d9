/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What goes before a program under measurement. The kernel runs a program many
 * times on one buffer, and what the program rewrote stays rewritten: so each
 * turn writes the packet anew, from the next client, and only then calls the
 * program, which is the one that users load. Calling a stub in its place tells
 * what the entry itself costs.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* Ethernet, the longer IP header and TCP's, in whole words. */
#define ENTRY_WORDS 10

/* How many clients share an address: each has a port of its own. */
#define ENTRY_PORTS 0x4000

/* Odd, so that the walk comes by every client; large, so that no two neighbours follow each other. */
#define ENTRY_STRIDE 0x9e3779b1U

/* The verdict where the program could not be called: no program of ours gives it. */
#define ENTRY_FAILED 77

/* Mirrored by EbpfLb.Bench.Packets.EntryInput. */
struct entry_input {
	__u64 packet[ENTRY_WORDS]; /* the first client's, its checksums right */
	__u32 clients; /* a power of two */
	__u16 source_offset; /* of the source address' last four bytes */
	__u16 port_offset; /* of the source port */
	__u16 l3_checksum_offset; /* 0 where IP has none */
	__u16 l4_checksum_offset;
	__u32 zero;
};

const volatile struct entry_input input SEC(".rodata.input");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} target SEC(".maps");

__u32 turn;

static __always_inline __u16 entry_sum(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

static __always_inline void entry_mend(void *data, __u32 offset, __u32 change)
{
	__u16 *checksum = data + offset;

	*checksum = ~entry_sum((__u16) ~*checksum + change);
}

/* Writes the packet of the next client, who differs from the first by `address` and `port`. */
static __always_inline bool entry_write(void *data, void *data_end)
{
	__u32 client = turn++ * ENTRY_STRIDE & (input.clients - 1);
	__u16 port = bpf_htons(client & (ENTRY_PORTS - 1));
	__u16 address = bpf_htons(client / ENTRY_PORTS);
	__u64 *words = data;

	if (data + sizeof(input.packet) > data_end)
		return false;
	for (int i = 0; i < ENTRY_WORDS; i++)
		words[i] = input.packet[i];
	/* The first client's port and address have zeroes where these are written: the sums only grow. */
	*(__u16 *)(data + input.source_offset + 2) |= address;
	*(__u16 *)(data + input.port_offset) |= port;
	if (input.l3_checksum_offset)
		entry_mend(data, input.l3_checksum_offset, address);
	entry_mend(data, input.l4_checksum_offset, (__u32)address + port);
	return true;
}
