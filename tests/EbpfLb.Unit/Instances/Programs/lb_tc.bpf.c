/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The tables and the entry of the balancer's tc program, which passes every packet: the verifier takes it at once. For
 * units whose subject is what happens to programs and tables, not to packets.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "../../../../bpf/maps.h"

#define TC_ACT_UNSPEC (-1)

/* Never called. Its argument's type is a part of the layout that a later start compares. */
int lb_shapes(struct lb_event *event)
{
	return event != (void *)0;
}

SEC("tc")
int lb_tc(struct __sk_buff *skb __attribute__((unused)))
{
	return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "Dual MIT/GPL";
