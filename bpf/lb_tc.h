/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The tc entry: a tcx link, or a clsact filter, on an interface's ingress. */
#pragma once

#include "ctx_tc.h"

#include "lb.h"

SEC("tc")
int lb_tc(struct __sk_buff *skb)
{
	return lb_main(skb);
}

char _license[] SEC("license") = "Dual MIT/GPL";
