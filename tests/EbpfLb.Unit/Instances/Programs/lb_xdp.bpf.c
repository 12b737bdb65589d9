/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The same for the XDP hooks. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "../../../../bpf/maps.h"

const volatile __u32 xdp_is_native SEC(".rodata.xdp");

SEC("xdp")
int lb_xdp(struct xdp_md *xdp __attribute__((unused)))
{
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
