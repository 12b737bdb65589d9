/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The rate limit of the balancer's own ICMP errors (RFC 1812, 4.3.2.8; RFC 4443, 2.4 f). */
#pragma once

#include "maps.h"
#include "types.h"

/* The largest burst. */
#define ICMP_BURST 50

/* Takes one ICMP error from this CPU's budget. Returns false if the budget is used up. */
static __always_inline bool icmp_limit_take(void)
{
	__u64 now = bpf_ktime_get_ns(), interval;
	__u32 key = 0;
	__u64 *due = bpf_map_lookup_elem(&icmp_due_ns, &key);

	if (!settings.icmp_per_second)
		return true;
	if (!due)
		return false;
	interval = NS_PER_SECOND / settings.icmp_per_second;
	if (*due < now)
		*due = now;
	if (*due - now > (ICMP_BURST - 1) * interval)
		return false;
	*due += interval;
	return true;
}
