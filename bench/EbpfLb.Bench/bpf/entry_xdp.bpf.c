/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "entry.h"

SEC("xdp")
int entry(struct xdp_md *xdp)
{
	if (entry_write((void *)(long)xdp->data, (void *)(long)xdp->data_end))
		bpf_tail_call(xdp, &target, 0);
	return ENTRY_FAILED;
}

/* Does nothing: the floor. */
SEC("xdp")
int stub(struct xdp_md *xdp)
{
	(void)xdp;
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
