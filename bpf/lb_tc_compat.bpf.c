/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The tc entry for kernels that cannot load the other one; it does the same, in a little more time. */
#include "csum_state_compat.h"

#include "ctx_tc.h"

#include "lb.h"

SEC("tc")
int lb_tc(struct __sk_buff *skb)
{
	return lb_main(skb);
}

char _license[] SEC("license") = "Dual MIT/GPL";
