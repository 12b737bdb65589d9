/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The program of `ebpf-lb decapsulate`, on the ingress of a backend's interface: it
 * removes the outer header that mode tunnel (tunnel.h) puts before a packet, and
 * leaves the inner packet to the stack. It needs no tunnel device. It takes IP in
 * IP and GUE variant 1 for the addresses of the interface only; every other packet
 * passes unchanged. It shares no map with the balancer.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "csum.h"
#include "skb.h"
#include "types.h"

#define DECAP_GUE_PORT 6080
#define DECAP_MAX_ADDRESSES 256
#define DECAP_FRAGMENT 0x3fff /* more fragments, and the offset */
#define DECAP_PACKET_HOST 0 /* PACKET_HOST of <linux/if_packet.h> */

#define ECN_MASK 3 /* RFC 3168, 5 */
#define ECN_NOT_ECT 0
#define ECN_ECT1 1
#define ECN_ECT0 2
#define ECN_CE 3

/* The addresses of the interface. User space writes them. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DECAP_MAX_ADDRESSES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct lb_address);
	__type(value, __u8);
} decap_addresses SEC(".maps");

/* Packets by enum decap_result. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DECAP_COUNT);
	__type(key, enum decap_result);
	__type(value, __u64);
} decap_counts SEC(".maps");

/* A tunnel's packet. Offsets count from the start of the frame. */
struct decap_packet {
	struct lb_address dst; /* the outer destination */
	__u32 inner; /* the offset of the inner packet */
	__u8 protocol; /* the outer one */
	__u8 ecn; /* the outer one */
	bool outer_v4;
	bool inner_v4;
};

/* Reads the outer IP header. Returns false if there is none, or the packet is a fragment: the stack has it first. */
static __always_inline bool decap_read_ip(struct __sk_buff *skb, struct decap_packet *packet)
{
	struct ipv6hdr *ip6;
	struct iphdr *ip4;

	packet->outer_v4 = skb->protocol == bpf_htons(ETH_P_IP);
	if (packet->outer_v4) {
		ip4 = skb_header(skb, ETH_HLEN, sizeof(*ip4));
		if (!ip4 || ip4->ihl < 5 || ip4->frag_off & bpf_htons(DECAP_FRAGMENT))
			return false;
		packet->dst = lb_address_v4(ip4->daddr);
		packet->protocol = ip4->protocol;
		packet->ecn = ip4->tos & ECN_MASK;
		packet->inner = ETH_HLEN + ip4->ihl * 4;
		return true;
	}
	if (skb->protocol != bpf_htons(ETH_P_IPV6))
		return false;
	ip6 = skb_header(skb, ETH_HLEN, sizeof(*ip6));
	if (!ip6)
		return false;
	packet->dst = lb_address_v6(&ip6->daddr);
	packet->protocol = ip6->nexthdr;
	packet->ecn = bpf_ntohl(*(__be32 *)ip6) >> 20 & ECN_MASK;
	packet->inner = ETH_HLEN + sizeof(*ip6);
	return true;
}

/*
 * Returns DECAP_IPIP or DECAP_GUE for a tunnel's packet to this host, and sets
 * packet->inner to its inner packet. The checksum of the outer UDP header, if it
 * has one, is not verified: the inner packet has its own.
 */
static __always_inline enum decap_result decap_read(struct __sk_buff *skb,
						    struct decap_packet *packet)
{
	struct udphdr *udp;

	if (skb->pkt_type != DECAP_PACKET_HOST || !decap_read_ip(skb, packet))
		return DECAP_NONE;
	if (packet->protocol == IPPROTO_IPIP || packet->protocol == IPPROTO_IPV6)
		return DECAP_IPIP;
	if (packet->protocol != IPPROTO_UDP)
		return DECAP_NONE;
	udp = skb_header(skb, packet->inner, sizeof(*udp));
	if (!udp || udp->dest != bpf_htons(DECAP_GUE_PORT))
		return DECAP_NONE;
	packet->inner += sizeof(*udp);
	return DECAP_GUE;
}

/* Sets packet->inner_v4. Returns false if the inner packet is not of the version that the outer header names. */
static __always_inline bool decap_read_inner(struct __sk_buff *skb, struct decap_packet *packet)
{
	__u8 *first = skb_header(skb, packet->inner, sizeof(struct iphdr));
	__u8 version = first ? *first >> 4 : 0;

	packet->inner_v4 = version == 4;
	if (packet->protocol == IPPROTO_IPIP)
		return version == 4;
	if (packet->protocol == IPPROTO_IPV6)
		return version == 6;
	return version == 4 || version == 6;
}

/*
 * Returns the inner packet's ECN field after the tunnel (RFC 6040, 4.2), or a value
 * above ECN_MASK if the packet has to be dropped.
 */
static __always_inline __u8 decap_ecn(__u8 outer, __u8 inner)
{
	if (outer == ECN_CE)
		return inner == ECN_NOT_ECT ? ECN_MASK + 1 : ECN_CE;
	return outer == ECN_ECT1 && inner == ECN_ECT0 ? ECN_ECT1 : inner;
}

static __always_inline bool decap_write_ecn4(struct __sk_buff *skb, __u32 offset, __u8 outer)
{
	struct iphdr *ip = skb_header(skb, offset, sizeof(*ip));
	__u16 before, after;
	__u8 ecn;

	if (!ip)
		return false;
	ecn = decap_ecn(outer, ip->tos & ECN_MASK);
	if (ecn > ECN_MASK)
		return false;
	before = bpf_htons(ip->tos);
	ip->tos = (ip->tos & ~ECN_MASK) | ecn;
	after = bpf_htons(ip->tos);
	ip->check = ~csum_fold(csum_add(ip->check ^ 0xffff, csum_add(~(__u32)before, after)));
	return true;
}

static __always_inline bool decap_write_ecn6(struct __sk_buff *skb, __u32 offset, __u8 outer)
{
	__be32 *word = skb_header(skb, offset, sizeof(struct ipv6hdr));
	__u32 before, after;
	__u8 ecn;

	if (!word)
		return false;
	before = bpf_ntohl(*word);
	ecn = decap_ecn(outer, before >> 20 & ECN_MASK);
	if (ecn > ECN_MASK)
		return false;
	after = (before & ~((__u32)ECN_MASK << 20)) | (__u32)ecn << 20;
	*word = bpf_htonl(after);
	/* No checksum in the packet covers the field: the card's sum of it has to follow. */
	bpf_csum_update(skb, csum_add(~bpf_htonl(before), bpf_htonl(after)));
	return true;
}

/*
 * Removes everything before the inner packet. If the inner packet is of the other
 * IP version, bpf_skb_change_proto() changes the size of the IP header by 20 bytes
 * and tells the kernel the version: before Linux 6.3 bpf_skb_adjust_room() cannot.
 */
static __always_inline bool decap_strip(struct __sk_buff *skb, const struct decap_packet *packet)
{
	const int difference = sizeof(struct ipv6hdr) - sizeof(struct iphdr);
	int room = packet->inner - ETH_HLEN;
	struct ethhdr *eth;

	if (packet->outer_v4 != packet->inner_v4) {
		if (bpf_skb_change_proto(
			    skb, packet->inner_v4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6), 0))
			return false;
		room += packet->inner_v4 ? -difference : difference;
	}
	if (bpf_skb_adjust_room(skb, -room, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO))
		return false;
	eth = skb_header(skb, 0, sizeof(*eth));
	if (eth)
		eth->h_proto = packet->inner_v4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
	return eth;
}

/* Handles one packet; returns what was done with it. */
static __always_inline enum decap_result decap_process(struct __sk_buff *skb)
{
	struct decap_packet packet = {};
	enum decap_result kind = decap_read(skb, &packet);

	if (kind == DECAP_NONE)
		return DECAP_NONE;
	if (!bpf_map_lookup_elem(&decap_addresses, &packet.dst))
		return DECAP_PASS_OTHER;
	if (!decap_read_inner(skb, &packet))
		return DECAP_PASS_MALFORMED;
	if (!(packet.inner_v4 ? decap_write_ecn4(skb, packet.inner, packet.ecn) :
				decap_write_ecn6(skb, packet.inner, packet.ecn)))
		return DECAP_DROP_ECN;
	return decap_strip(skb, &packet) ? kind : DECAP_DROP_REWRITE;
}

SEC("tc")
int lb_decap(struct __sk_buff *skb)
{
	enum decap_result result = decap_process(skb);
	__u64 *count = bpf_map_lookup_elem(&decap_counts, &result);

	if (count)
		(*count)++;
	return result == DECAP_DROP_ECN || result == DECAP_DROP_REWRITE ? TC_ACT_SHOT :
									  TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "Dual MIT/GPL";
