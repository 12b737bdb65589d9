/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* How the kernel knows a packet's checksum; whether it tells is a matter of its version. */
#pragma once

/* The kernel's values of sk_buff.ip_summed, whose meaning stands in its skbuff.h, and two of our own. */
enum csum_state {
	CHECKSUM_NONE, /* CHECKSUM_NONE: by nobody but who wrote the packet */
	CHECKSUM_UNNECESSARY, /* CHECKSUM_UNNECESSARY: found right by someone */
	CHECKSUM_COMPLETE, /* CHECKSUM_COMPLETE: the card's own sum of the packet comes with it */
	CHECKSUM_PARTIAL, /* CHECKSUM_PARTIAL: the pseudo header's sum stands in its place until it leaves */
	CHECKSUM_NOT_PARTIAL, /* complete in the packet: whether a card has a sum of its own is not told */
	CHECKSUM_UNKNOWN,
};
