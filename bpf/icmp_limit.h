/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* How many ICMP errors of its own the balancer sends (RFC 1812, 4.3.2.8; RFC 4443, 2.4 f). */
#pragma once

#include "maps.h"
#include "types.h"

/* How many may go out at once, after a quiet while. */
#define ICMP_BURST 50

#define NS_PER_SECOND 1000000000ULL

/* When the next one would be due, were they sent evenly; one a processor. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} icmp_due_ns SEC(".maps");

/* Takes one from the budget; false where it is used up. */
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
