/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Passes everything. That a program is there has the driver take the frames of the other end's XDP. */
#include <linux/bpf.h>

__attribute__((section("xdp"), used)) int pass(struct xdp_md *xdp)
{
	(void)xdp;
	return XDP_PASS;
}
