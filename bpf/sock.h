/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The socket path: a socket that connects to a service is connected to a backend
 * instead. No packet is rewritten. Services, slot tables and counters are those of
 * the packet path.
 *
 * 1. Forget what the socket was connected to.
 * 2. Leave sockets of other network namespaces, other protocols and other modes.
 * 3. Look up the service, select a backend.
 * 4. Record the socket, rewrite the address that it connects to.
 *
 * A socket that is left alone connects to the address that the program gave.
 *
 * These programs run in the context of a process: a packet program on the same CPU
 * may interrupt them. They change every counter by one atomic instruction.
 */
#pragma once

#include "address.h"
#include "counters.h"
#include "events.h"
#include "maps.h"
#include "port_filter.h"
#include "service.h"
#include "types.h"

/* The slot of a socket that is connected to a service. */
#define SOCK_CONNECTED 0

/* The verdict of a cgroup program: the system call goes on. */
#define SOCK_PROCEED 1

/*
 * The cookie of the network namespace whose sockets are balanced, which is the
 * balancer's: it reaches every backend. Set before the load.
 */
const volatile __u64 sock_netns SEC(".rodata.sock") = 0;

/* Adds 1 to a per-CPU counter, which may be NULL. */
static __always_inline void sock_increment(__u64 *count)
{
	if (count)
		__sync_fetch_and_add(count, 1);
}

/* Counts a socket that was given a backend. */
static __always_inline void sock_count_opened(const struct lb_socket *record)
{
	__u32 service = record->service, backend = record->backend;
	struct lb_traffic *of_service = bpf_map_lookup_elem(&service_traffic, &service);
	struct lb_traffic *of_backend = bpf_map_lookup_elem(&backend_traffic, &backend);

	sock_increment(of_service ? &of_service->flows : NULL);
	sock_increment(of_backend ? &of_backend->flows : NULL);
}

/* Counts and reports a socket that is left alone though its address is a service's. */
static __always_inline void sock_refuse(const struct lb_tuple *client, __u32 service,
					enum lb_reason reason)
{
	__u32 key = reason;

	sock_increment(bpf_map_lookup_elem(&reasons, &key));
	event_refused(client, NULL, service, reason);
}

static __always_inline void sock_report(enum lb_event_type type, const struct lb_socket *record)
{
	event_send(LB_EVENTS_FLOWS, type, &record->client, &record->rewritten,
		   (struct event_values){
			   .service = record->service,
			   .backend = record->backend,
			   .opened_ns = type == LB_EVENT_CLOSED ? record->opened_ns : 0,
		   });
}

/* Returns true if the socket's beginning was reported: that of TCP is when its port is known. */
static __always_inline bool sock_is_reported(const struct lb_socket *record)
{
	return record->client.protocol == IPPROTO_UDP || record->client.sport;
}

static __always_inline struct lb_socket_key sock_key(__u64 cookie, __u32 slot)
{
	struct lb_socket_key key = { .cookie = cookie, .slot = slot };

	return key;
}

/*
 * Forgets what a socket was given a backend for: it is closed, connects anew, or
 * gets another. Reports its end if its beginning was reported.
 */
static __noinline int sock_forget(__u64 cookie, __u32 slot)
{
	struct lb_socket_key key = sock_key(cookie, slot);
	struct lb_socket *held = bpf_map_lookup_elem(&sockets, &key);
	struct lb_socket record;

	if (!held)
		return 0;
	record = *held;
	/* Of two that forget the same socket one counts. */
	if (bpf_map_delete_elem(&sockets, &key))
		return 0;
	count_active_flow(record.backend, -1);
	if (sock_is_reported(&record))
		sock_report(LB_EVENT_CLOSED, &record);
	return 0;
}

/*
 * Returns the tuple that selects a backend. The source is not known before the
 * socket is connected: the network namespace stands for the client's address, the
 * socket's cookie for its port.
 */
static __always_inline struct lb_tuple sock_selector(const struct lb_tuple *client, __u64 cookie)
{
	struct lb_tuple selector = *client;

	selector.src.word[0] = 0;
	selector.src.word[1] = 0;
	selector.src.word[2] = bpf_htonl(sock_netns >> 32);
	selector.src.word[3] = bpf_htonl((__u32)sock_netns);
	selector.sport = bpf_htons((__u16)cookie);
	return selector;
}

/*
 * Selects a backend of a service for record->client; fills the rest of *record.
 * Returns LB_CONTINUE, or why there is none.
 */
static __always_inline enum lb_reason sock_select(const struct lb_service *service, __u64 cookie,
						  struct lb_socket *record)
{
	struct lb_tuple selector = sock_selector(&record->client, cookie);
	__u32 id = service_select_backend(service, &selector);
	struct lb_backend *backend = bpf_map_lookup_elem(&backends, &id);

	if (!backend || lb_address_is_zero(&backend->address))
		return LB_REFUSE_NO_BACKEND;
	record->rewritten = record->client;
	record->rewritten.dst = backend->address;
	record->rewritten.dport = backend->port ?: record->client.dport;
	record->opened_ns = bpf_ktime_get_ns();
	record->service = service->id;
	record->backend = id;
	return LB_CONTINUE;
}

/*
 * Returns the service that a socket asks for, or NULL. In the other modes than nat
 * a backend listens at the service's address, not at its own.
 */
static __always_inline struct lb_service *sock_service(const struct lb_tuple *client)
{
	struct lb_service *service = service_lookup(client);

	return service && service->mode == LB_NAT ? service : NULL;
}

/*
 * Selects and records the backend of a socket that asks a service for
 * record->client. Returns true if it is to ask record->rewritten instead.
 */
static __always_inline bool sock_open(const struct lb_service *service, __u64 cookie, __u32 slot,
				      struct lb_socket *record)
{
	struct lb_socket_key key = sock_key(cookie, slot);
	enum lb_reason reason = sock_select(service, cookie, record);

	if (!reason && bpf_map_update_elem(&sockets, &key, record, BPF_NOEXIST)) {
		service_rr_give_back(service);
		reason = LB_REFUSE_NO_FLOW;
	}
	if (reason) {
		sock_refuse(&record->client, service->id, reason);
		return false;
	}
	sock_count_opened(record);
	count_active_flow(record->backend, 1);
	if (sock_is_reported(record))
		sock_report(LB_EVENT_OPENED, record);
	return true;
}

/* Fills the source of a UDP socket: its port, if it is bound to one. */
static __always_inline void sock_bound_source(struct bpf_sock_addr *ctx, struct lb_tuple *client)
{
	struct bpf_sock *sk = ctx->sk;

	if (lb_address_is_v4(&client->dst))
		client->src = lb_address_v4(0);
	if (sk)
		client->sport = bpf_htons(sk->src_port);
}

/*
 * Fills record->client for a socket that asks for `address`. Returns false if the
 * socket is none of the balancer's.
 */
static __always_inline bool
sock_concerns(struct bpf_sock_addr *ctx, const struct lb_address *address, struct lb_socket *record)
{
	if (ctx->protocol != IPPROTO_TCP && ctx->protocol != IPPROTO_UDP)
		return false;
	if (bpf_get_netns_cookie(ctx) != sock_netns)
		return false;
	__builtin_memset(record, 0, sizeof(*record));
	record->client.dst = *address;
	record->client.dport = (__be16)ctx->user_port;
	record->client.protocol = ctx->protocol;
	if (ctx->protocol == IPPROTO_UDP)
		sock_bound_source(ctx, &record->client);
	return port_filter_has(LB_PORT_FILTER_SERVICES, record->client.protocol,
			       record->client.dport);
}

/*
 * Handles a connect to `address`: fills *record. Returns true if the socket is to
 * be connected to record->rewritten.
 */
static __always_inline bool sock_connect(struct bpf_sock_addr *ctx,
					 const struct lb_address *address, struct lb_socket *record)
{
	__u64 cookie = bpf_get_socket_cookie(ctx);
	struct lb_service *service;

	sock_forget(cookie, SOCK_CONNECTED);
	if (!sock_concerns(ctx, address, record))
		return false;
	service = sock_service(&record->client);
	return service && sock_open(service, cookie, SOCK_CONNECTED, record);
}

static __always_inline struct lb_socket *sock_lookup(__u64 cookie, __u32 slot)
{
	struct lb_socket_key key = sock_key(cookie, slot);

	return bpf_map_lookup_elem(&sockets, &key);
}

/* Returns the record of a socket that is connected to a service, or NULL. */
static __always_inline struct lb_socket *sock_find(void *ctx)
{
	return sock_lookup(bpf_get_socket_cookie(ctx), SOCK_CONNECTED);
}

/* Forgets a socket that is closed. */
static __always_inline void sock_close(__u64 cookie, __u32 protocol)
{
	sock_forget(cookie, SOCK_CONNECTED);
	if (protocol != IPPROTO_UDP)
		return;
	for (__u32 slot = SOCK_CONNECTED + 1; slot < LB_SOCKET_SLOTS; slot++)
		sock_forget(cookie, slot);
}

/*
 * Returns the address that a socket connects from. All words are loaded, as the
 * compiler would select between two fields' addresses, which the verifier forbids
 * for a context.
 */
static __always_inline struct lb_address sock_source(const volatile struct bpf_sock_ops *ctx,
						     bool is_v4)
{
	__be32 v4 = ctx->local_ip4;
	struct lb_address v6 = { .word = { ctx->local_ip6[0], ctx->local_ip6[1], ctx->local_ip6[2],
					   ctx->local_ip6[3] } };

	return is_v4 ? lb_address_v4(v4) : v6;
}

/* Records the source of a TCP socket that connects now, and reports it. */
static __always_inline void sock_connecting(struct bpf_sock_ops *ctx)
{
	struct lb_socket *record = sock_find(ctx);

	if (!record || sock_is_reported(record))
		return;
	record->client.src = sock_source(ctx, lb_address_is_v4(&record->client.dst));
	record->client.sport = bpf_htons(ctx->local_port);
	record->rewritten.src = record->client.src;
	record->rewritten.sport = record->client.sport;
	sock_report(LB_EVENT_OPENED, record);
}
