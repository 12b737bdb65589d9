/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* A tc program that is not the balancer's. It drops every ICMP packet over IPv4, and returns DEAF_OTHERWISE for all others. */
#pragma once

#include <stddef.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int deaf(struct __sk_buff *skb)
{
	__u8 protocol;

	if (skb->protocol != bpf_htons(ETH_P_IP))
		return DEAF_OTHERWISE;
	if (bpf_skb_load_bytes(skb, ETH_HLEN + offsetof(struct iphdr, protocol), &protocol,
			       sizeof(protocol)))
		return DEAF_OTHERWISE;
	return protocol == IPPROTO_ICMP ? TC_ACT_SHOT : DEAF_OTHERWISE;
}

char _license[] SEC("license") = "Dual MIT/GPL";
