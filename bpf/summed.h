/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* How the kernel knows a packet's checksum; whether it tells is a matter of its version. */
#pragma once

/* The kernel's values of sk_buff.ip_summed, whose meaning stands in its skbuff.h, and two of our own. */
enum summed {
	SUMMED_IN_PACKET, /* CHECKSUM_NONE: by nobody but who wrote the packet */
	SUMMED_AND_RIGHT, /* CHECKSUM_UNNECESSARY: found right by someone */
	SUMMED_BY_CARD, /* CHECKSUM_COMPLETE: the card's own sum of the packet comes with it */
	SUMMED_IN_PART, /* CHECKSUM_PARTIAL: the pseudo header's sum stands in its place until it leaves */
	SUMMED_IN_WHOLE, /* complete in the packet: whether a card has a sum of its own is not told */
	SUMMED_UNTOLD,
};
