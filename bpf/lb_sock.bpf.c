/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The socket programs, on a cgroup v2: for clients on this machine. */
#include "sock.h"
#include "sock_datagram.h"

/* Gives the program's address, or that of a datagram, another value. */
static __always_inline void sock_set_v4(struct bpf_sock_addr *ctx, const struct lb_address *address,
					__be16 port)
{
	ctx->user_ip4 = lb_address_to_v4(address);
	ctx->user_port = port;
}

static __always_inline void sock_set_v6(struct bpf_sock_addr *ctx, const struct lb_address *address,
					__be16 port)
{
	ctx->user_ip6[0] = address->word[0];
	ctx->user_ip6[1] = address->word[1];
	ctx->user_ip6[2] = address->word[2];
	ctx->user_ip6[3] = address->word[3];
	ctx->user_port = port;
}

static __always_inline struct lb_address sock_address_v6(struct bpf_sock_addr *ctx)
{
	struct lb_address address = { .word = { ctx->user_ip6[0], ctx->user_ip6[1],
						ctx->user_ip6[2], ctx->user_ip6[3] } };

	return address;
}

SEC("cgroup/connect4")
int lb_connect4(struct bpf_sock_addr *ctx)
{
	struct lb_address address = lb_address_v4(ctx->user_ip4);
	struct lb_socket record;

	if (sock_connect(ctx, &address, &record))
		sock_set_v4(ctx, &record.rewritten.dst, record.rewritten.dport);
	return SOCK_PROCEED;
}

/* Also for IPv4, on a socket of IPv6 that connects to an IPv4-mapped address. */
SEC("cgroup/connect6")
int lb_connect6(struct bpf_sock_addr *ctx)
{
	struct lb_address address = sock_address_v6(ctx);
	struct lb_socket record;

	if (sock_connect(ctx, &address, &record))
		sock_set_v6(ctx, &record.rewritten.dst, record.rewritten.dport);
	return SOCK_PROCEED;
}

/* Also for a socket of IPv6 that sends to an IPv4-mapped address. */
SEC("cgroup/sendmsg4")
int lb_sendmsg4(struct bpf_sock_addr *ctx)
{
	struct lb_address address = lb_address_v4(ctx->user_ip4);
	struct lb_socket record;

	if (sock_send(ctx, &address, &record))
		sock_set_v4(ctx, &record.rewritten.dst, record.rewritten.dport);
	return SOCK_PROCEED;
}

SEC("cgroup/sendmsg6")
int lb_sendmsg6(struct bpf_sock_addr *ctx)
{
	struct lb_address address = sock_address_v6(ctx);
	struct lb_socket record;

	if (sock_send(ctx, &address, &record))
		sock_set_v6(ctx, &record.rewritten.dst, record.rewritten.dport);
	return SOCK_PROCEED;
}

SEC("cgroup/recvmsg4")
int lb_recvmsg4(struct bpf_sock_addr *ctx)
{
	struct lb_address address = lb_address_v4(ctx->user_ip4);
	struct lb_socket *record = sock_receive(ctx, &address);

	if (record)
		sock_set_v4(ctx, &record->client.dst, record->client.dport);
	return SOCK_PROCEED;
}

SEC("cgroup/recvmsg6")
int lb_recvmsg6(struct bpf_sock_addr *ctx)
{
	struct lb_address address = sock_address_v6(ctx);
	struct lb_socket *record = sock_receive(ctx, &address);

	if (record)
		sock_set_v6(ctx, &record->client.dst, record->client.dport);
	return SOCK_PROCEED;
}

/* The program asks whom it is connected to: the service. */
SEC("cgroup/getpeername4")
int lb_getpeername4(struct bpf_sock_addr *ctx)
{
	struct lb_socket *record = sock_find(ctx);

	if (record)
		sock_set_v4(ctx, &record->client.dst, record->client.dport);
	return SOCK_PROCEED;
}

SEC("cgroup/getpeername6")
int lb_getpeername6(struct bpf_sock_addr *ctx)
{
	struct lb_socket *record = sock_find(ctx);

	if (record)
		sock_set_v6(ctx, &record->client.dst, record->client.dport);
	return SOCK_PROCEED;
}

/* A socket is closed by its last descriptor, or by the end of its process. */
SEC("cgroup/sock_release")
int lb_sock_release(struct bpf_sock *ctx)
{
	sock_close(bpf_get_socket_cookie(ctx), ctx->protocol);
	return SOCK_PROCEED;
}

/* ctx->reply stays as it is: it may be another program's. */
SEC("sockops")
int lb_sock_ops(struct bpf_sock_ops *ctx)
{
	if (ctx->op == BPF_SOCK_OPS_TCP_CONNECT_CB)
		sock_connecting(ctx);
	return SOCK_PROCEED;
}

char _license[] SEC("license") = "Dual MIT/GPL";
