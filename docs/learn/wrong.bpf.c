// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * A load balancer in 80 lines, to be broken. It has no flow table: a client's source port says which of two backends
 * gets its packets. Addresses are compiled in: -DBALANCER, -DCLIENT, -DBACKEND_A, -DBACKEND_B, each as ip(172,18,0,2).
 *
 * -DPER_PACKET chooses a backend for each packet. -DKEEP_SOURCE leaves the client's address in the packet.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <stddef.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define ip(a, b, c, d) bpf_htonl((a) << 24 | (b) << 16 | (c) << 8 | (d))

#define SADDR (ETH_HLEN + offsetof(struct iphdr, saddr))
#define DADDR (ETH_HLEN + offsetof(struct iphdr, daddr))
#define IP_CHECK (ETH_HLEN + offsetof(struct iphdr, check))
#define TCP_CHECK (ETH_HLEN + sizeof(struct iphdr) + offsetof(struct tcphdr, check))

/* Writes an address and updates both checksums that cover it. */
static __always_inline void write_address(struct __sk_buff *skb, __u32 offset, __be32 old,
					  __be32 new)
{
	bpf_l4_csum_replace(skb, TCP_CHECK, old, new, BPF_F_PSEUDO_HDR | sizeof(new));
	bpf_l3_csum_replace(skb, IP_CHECK, old, new, sizeof(new));
	bpf_skb_store_bytes(skb, offset, &new, sizeof(new), 0);
}

static __always_inline __be32 choose(__be16 client_port)
{
#ifdef PER_PACKET
	return bpf_get_prandom_u32() & 1 ? BACKEND_A : BACKEND_B;
#else
	return bpf_ntohs(client_port) >> 1 & 1 ? BACKEND_A : BACKEND_B;
#endif
}

SEC("tc")
int balance(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data;
	void *data_end = (void *)(long)skb->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip4 = (void *)(eth + 1);
	struct tcphdr *tcp = (void *)(ip4 + 1);
	__be32 saddr, daddr, backend;
	__be16 sport, dport;

	if ((void *)(tcp + 1) > data_end || eth->h_proto != bpf_htons(ETH_P_IP) || ip4->ihl != 5 ||
	    ip4->protocol != IPPROTO_TCP || ip4->daddr != BALANCER)
		return TC_ACT_OK;
	saddr = ip4->saddr;
	daddr = ip4->daddr;
	sport = tcp->source;
	dport = tcp->dest;

	if (dport == bpf_htons(80)) {
		backend = choose(sport);
#ifndef KEEP_SOURCE
		write_address(skb, SADDR, saddr, BALANCER);
#endif
		write_address(skb, DADDR, daddr, backend);
	} else if (sport == bpf_htons(80)) {
		write_address(skb, SADDR, saddr, BALANCER);
		write_address(skb, DADDR, daddr, CLIENT);
	} else {
		return TC_ACT_OK;
	}
	/* The kernel finds the route and the neighbour's MAC address. */
	return bpf_redirect_neigh(skb->ifindex, NULL, 0, 0);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
