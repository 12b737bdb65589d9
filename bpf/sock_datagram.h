/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Datagrams of UDP sockets. All datagrams of a socket to a service go to one
 * backend, as those of a flow do, until that one takes no new flow. A datagram from
 * the backend gets the service's address as its source.
 *
 * A socket that does not connect has a slot for each service. Beyond
 * LB_SOCKET_SLOTS the last one gives way.
 */
#pragma once

#include "address.h"
#include "maps.h"
#include "sock.h"
#include "types.h"

/* Returns true if the record is of the service that the socket asks. */
static __always_inline bool datagram_is_for(const struct lb_socket *record,
					    const struct lb_tuple *client)
{
	return record->client.dport == client->dport &&
	       lb_address_equals(&record->client.dst, &client->dst);
}

/* Returns true if the record's backend still takes datagrams of that service. */
static __always_inline bool datagram_holds(const struct lb_socket *record,
					   const struct lb_service *service)
{
	__u32 id = record->backend;
	struct lb_backend *backend = bpf_map_lookup_elem(&backends, &id);

	return backend && backend->weight && record->service == service->id &&
	       lb_address_equals(&backend->address, &record->rewritten.dst);
}

/*
 * Returns the slot of the service that an unconnected socket asks, and its record in
 * *held: NULL if it is the first time. Then the slot is free, or the last one.
 */
static __always_inline __u32 datagram_slot(__u64 cookie, const struct lb_tuple *client,
					   struct lb_socket **held)
{
	__u32 vacant = 0;

	for (__u32 slot = SOCK_CONNECTED + 1; slot < LB_SOCKET_SLOTS; slot++) {
		*held = sock_lookup(cookie, slot);
		if (*held && datagram_is_for(*held, client))
			return slot;
		if (!*held && !vacant)
			vacant = slot;
	}
	*held = NULL;
	return vacant ?: LB_SOCKET_SLOTS - 1;
}

/*
 * Handles a datagram to `address`: fills *record. Returns true if it is to be sent
 * to record->rewritten. The kernel does not ask for the datagrams that a connected
 * socket sends without an address.
 */
static __always_inline bool sock_send(struct bpf_sock_addr *ctx, const struct lb_address *address,
				      struct lb_socket *record)
{
	__u64 cookie = bpf_get_socket_cookie(ctx);
	struct lb_service *service;
	struct lb_socket *held;
	__u32 slot;

	if (!sock_concerns(ctx, address, record))
		return false;
	service = sock_service(&record->client);
	if (!service)
		return false;
	held = sock_lookup(cookie, SOCK_CONNECTED);
	if (held && datagram_is_for(held, &record->client)) {
		record->rewritten = held->rewritten;
		return true;
	}
	slot = datagram_slot(cookie, &record->client, &held);
	if (held && datagram_holds(held, service)) {
		record->rewritten = held->rewritten;
		return true;
	}
	sock_forget(cookie, slot);
	return sock_open(service, cookie, slot, record);
}

/*
 * Handles a datagram from `address`. Returns the record of the backend that it is
 * from, or NULL.
 */
static __always_inline struct lb_socket *sock_receive(struct bpf_sock_addr *ctx,
						      const struct lb_address *address)
{
	__u64 cookie = bpf_get_socket_cookie(ctx);
	__be16 port = (__be16)ctx->user_port;
	struct lb_socket *record;

	for (__u32 slot = SOCK_CONNECTED; slot < LB_SOCKET_SLOTS; slot++) {
		record = sock_lookup(cookie, slot);
		if (record && record->rewritten.dport == port &&
		    lb_address_equals(&record->rewritten.dst, address))
			return record;
	}
	return NULL;
}
