// SPDX-License-Identifier: GPL-2.0
/* Wrong on purpose, at the end of a path whose log exceeds the 16 MB that libbpf begins with. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define STEPS 180000

SEC("xdp")
int refused(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data;

	/* The compiler must not know what a step does; the verifier follows each. */
	for (__u32 step = 0; step < STEPS; step++)
		asm volatile("" : "+r"(step));
	return data[13] == 6 ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
