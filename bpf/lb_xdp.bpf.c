/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The XDP program, native or generic. lb_tc is attached behind it with the same maps. */
#include "ctx_xdp.h"

#include "lb.h"

SEC("xdp")
int lb_xdp(struct xdp_md *xdp)
{
	return lb_main(xdp);
}

char _license[] SEC("license") = "Dual MIT/GPL";
