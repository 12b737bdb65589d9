/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The socket programs, on a cgroup v2: for clients on this machine. */
#include "sock.h"

SEC("cgroup/connect4")
int lb_connect4(struct bpf_sock_addr *ctx)
{
	struct lb_address address = lb_address_v4(ctx->user_ip4);
	struct lb_socket record;

	if (!sock_connect(ctx, &address, &record))
		return SOCK_PROCEED;
	ctx->user_ip4 = lb_address_to_v4(&record.rewritten.dst);
	ctx->user_port = record.rewritten.dport;
	return SOCK_PROCEED;
}

/* Also for IPv4, on a socket of IPv6 that connects to an IPv4-mapped address. */
SEC("cgroup/connect6")
int lb_connect6(struct bpf_sock_addr *ctx)
{
	struct lb_address address = { .word = { ctx->user_ip6[0], ctx->user_ip6[1],
						ctx->user_ip6[2], ctx->user_ip6[3] } };
	struct lb_socket record;

	if (!sock_connect(ctx, &address, &record))
		return SOCK_PROCEED;
	ctx->user_ip6[0] = record.rewritten.dst.word[0];
	ctx->user_ip6[1] = record.rewritten.dst.word[1];
	ctx->user_ip6[2] = record.rewritten.dst.word[2];
	ctx->user_ip6[3] = record.rewritten.dst.word[3];
	ctx->user_port = record.rewritten.dport;
	return SOCK_PROCEED;
}

/* The program asks whom it is connected to: the service. */
SEC("cgroup/getpeername4")
int lb_getpeername4(struct bpf_sock_addr *ctx)
{
	struct lb_socket *record = sock_find(ctx);

	if (!record)
		return SOCK_PROCEED;
	ctx->user_ip4 = lb_address_to_v4(&record->client.dst);
	ctx->user_port = record->client.dport;
	return SOCK_PROCEED;
}

SEC("cgroup/getpeername6")
int lb_getpeername6(struct bpf_sock_addr *ctx)
{
	struct lb_socket *record = sock_find(ctx);

	if (!record)
		return SOCK_PROCEED;
	ctx->user_ip6[0] = record->client.dst.word[0];
	ctx->user_ip6[1] = record->client.dst.word[1];
	ctx->user_ip6[2] = record->client.dst.word[2];
	ctx->user_ip6[3] = record->client.dst.word[3];
	ctx->user_port = record->client.dport;
	return SOCK_PROCEED;
}

/* A socket is closed by its last descriptor, or by the end of its process. */
SEC("cgroup/sock_release")
int lb_sock_release(struct bpf_sock *ctx)
{
	sock_forget(bpf_get_socket_cookie(ctx));
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
