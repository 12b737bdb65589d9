/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What a packet's transport checksum field holds, as far as a tc program can
 * know it. csum_state_core.h reads it from the kernel (Linux 6.2 and later),
 * csum_state_compat.h from the packet.
 */
#pragma once

/* The kernel's values of sk_buff.ip_summed (its skbuff.h explains them), and two more. */
enum csum_state {
	CHECKSUM_NONE, /* complete in the packet */
	CHECKSUM_UNNECESSARY, /* complete in the packet, and verified */
	CHECKSUM_COMPLETE, /* complete in the packet; the card's sum of the packet is beside it */
	CHECKSUM_PARTIAL, /* the pseudo header's sum; the device completes it */
	CHECKSUM_NOT_PARTIAL, /* complete in the packet; CHECKSUM_COMPLETE is possible */
	CHECKSUM_UNKNOWN,
};
