/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "entry.h"

#include <linux/pkt_cls.h>

SEC("tc")
int entry(struct __sk_buff *skb)
{
	if (entry_write((void *)(long)skb->data, (void *)(long)skb->data_end))
		bpf_tail_call(skb, &target, 0);
	return ENTRY_FAILED;
}

/* Does nothing: the floor. */
SEC("tc")
int stub(struct __sk_buff *skb)
{
	(void)skb;
	return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "Dual MIT/GPL";
