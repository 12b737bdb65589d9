using EbpfLb.Native;

namespace EbpfLb.Unit.Native;

/// <summary>Logs as several kernels shape them: the verdict, and the line of C before it.</summary>
public sealed class VerifierLogsAreSummarized
{
    [Fact]
    public void A_key_that_6_1_takes_for_no_key() => AssertDigest(
        """
        5366: (63) *(u32 *)(r10 -40) = r1     ; R1_w=0 R10=fp0 fp-40=mmmm0000
        ;
        5368: (07) r2 += -40                  ; R2_w=fp-40
        ; struct lb_flow *flow = bpf_map_lookup_elem(&flows, key);
        5375: (18) r1 = 0xffff8881031f2c00    ; R1_w=map_ptr(off=0,ks=40,vs=104,imm=0)
        5377: (bf) r2 = r6                    ; R2_w=mem(off=0,imm=0) R6=mem(off=0,imm=0)
        5378: (85) call bpf_map_lookup_elem#1
        R2 type=mem expected=fp, pkt, pkt_meta, map_key, map_value
        processed 4112 insns (limit 1000000) max_states_per_insn 3 total_states 310 peak_states 310 mark_read 42
        """,
        "R2 type=mem expected=fp, pkt, pkt_meta, map_key, map_value",
        "struct lb_flow *flow = bpf_map_lookup_elem(&flows, key);");

    [Fact]
    public void A_read_beyond_the_packet_on_6_18_with_file_and_line() => AssertDigest(
        """
        0: R1=ctx() R10=fp0
        ; void *data = (void *)(long)ctx->data; @ packet.h:31
        0: (61) r6 = *(u32 *)(r1 +76)         ; R1=ctx() R6=pkt(r=0)
        ; if (eth->h_proto == bpf_htons(ETH_P_IP)) @ packet.h:44
        1: (69) r1 = *(u16 *)(r6 +12)
        invalid access to packet, off=12 size=2, R6(id=0,off=12,r=0)
        R6 offset is outside of the packet
        processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
        """,
        "invalid access to packet, off=12 size=2, R6(id=0,off=12,r=0); R6 offset is outside of the packet",
        "if (eth->h_proto == bpf_htons(ETH_P_IP))", "packet.h:44");

    [Fact]
    public void A_reference_kept_on_one_path_after_a_call_on_6_1() => AssertDigest(
        """
        returning from callee:
         frame1: R0=scalar(imm=1) R6=ctx(off=0,imm=0) R10=fp0
        to caller at 412:
         R0_w=scalar(imm=1) R7=sock_common(id=0,ref_obj_id=9,off=0,imm=0) R10=fp0
        from 401 to 412: R0=scalar() R10=fp0 refs=9
        ; return verdict;
        412: (95) exit
        Unreleased reference id=9 alloc_insn=377
        processed 2210 insns (limit 1000000) max_states_per_insn 1 total_states 90 peak_states 90 mark_read 8
        """,
        "Unreleased reference id=9 alloc_insn=377", "return verdict;");

    [Fact]
    public void A_search_backwards_that_5_15_prints_unasked_is_no_verdict() => AssertDigest(
        """
        arg#0 reference type('UNKNOWN ') size cannot be determined: -22
        0: R1=ctx(id=0,off=0,imm=0) R10=fp0
        ; value[index] = 1;
        7: (0f) r0 += r1
        last_idx 7 first_idx 0
        regs=2 stack=0 before 6: (67) r1 <<= 3
        parent didn't have regs=2 stack=0 marks
        8: (7b) *(u64 *)(r0 +0) = r2
         R0_w=map_value(id=0,off=0,ks=4,vs=8,umax_value=2040,var_off=(0x0; 0x7f8)) R1_w=invP0 R2_w=inv1 R10=fp0
        R0 max value is outside of the allowed memory range
        processed 9 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
        """,
        "R0 max value is outside of the allowed memory range", "value[index] = 1;");

    [Fact]
    public void A_program_of_too_many_instructions() => AssertDigest(
        """
        ; if (!lb_parse(ctx, &packet))
        88: (15) if r0 == 0x0 goto pc+3
        BPF program is too large. Processed 1000001 insn
        processed 1000001 insns (limit 1000000) max_states_per_insn 22 total_states 31702 peak_states 4400 mark_read 71
        """,
        "BPF program is too large. Processed 1000001 insn", "if (!lb_parse(ctx, &packet))");

    [Fact]
    public void A_field_that_the_kernel_does_not_have_as_libbpf_explains_it() => AssertDigest(
        """
        ; return skb->none_such; @ csum_state_core.h:19
        3: <invalid CO-RE relocation>
        failed to resolve CO-RE relocation <byte_off> [12] struct sk_buff.none_such (0:3 @ offset 9)
        processed 4 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
        """,
        "3: <invalid CO-RE relocation>; "
        + "failed to resolve CO-RE relocation <byte_off> [12] struct sk_buff.none_such (0:3 @ offset 9)",
        "return skb->none_such;", "csum_state_core.h:19");

    [Fact]
    public void A_program_without_line_information_is_named_itself()
    {
        var refusal = VerifierRefusal.Find(Printed("0: (95) exit\nR0 !read_ok\nprocessed 1 insns (limit 1000000)"));

        Assert.Equal("the verifier refuses \"R0 !read_ok\" in lb_tc", refusal?.ToString());
    }

    [Fact]
    public void Only_the_last_refused_program_counts()
    {
        var refusal = VerifierRefusal.Find(
            Printed("0: (95) exit\nfirst\nprocessed 1 insns") + Printed("0: (95) exit\nsecond\nprocessed 1 insns"));

        Assert.Equal("second", refusal?.Rule);
    }

    [Theory]
    [InlineData("")]
    [InlineData("libbpf: map 'flows': failed to create: Argument list too long(-7)\n")]
    [InlineData("libbpf: prog 'lb_tc': -- BEGIN PROG LOAD LOG --\n0: (95) exit\nprocessed 1 insns\n-- END PROG LOAD LOG --\n")]
    public void A_log_without_a_verdict_is_no_refusal(string log) => Assert.Null(VerifierRefusal.Find(log));

    static void AssertDigest(string log, string rule, string source, string? location = null) =>
        Assert.Equal(new VerifierRefusal("lb_tc", rule, source, location), VerifierRefusal.Find(Printed(log)));

    /// <summary>As libbpf prints it.</summary>
    static string Printed(string log) => $"""
        libbpf: prog 'lb_tc': BPF program load failed: Permission denied
        libbpf: prog 'lb_tc': -- BEGIN PROG LOAD LOG --
        {log}
        -- END PROG LOAD LOG --
        libbpf: prog 'lb_tc': failed to load: -13
        libbpf: failed to load object 'lb_tc'

        """;
}
