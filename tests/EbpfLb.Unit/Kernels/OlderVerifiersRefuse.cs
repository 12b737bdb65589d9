namespace EbpfLb.Unit.Kernels;

/// <summary>The search for what older verifiers refuse finds it in programs that are wrong on purpose.</summary>
public sealed class OlderVerifiersRefuse
{
    const int LookUp = 1;
    const int Update = 2;
    const int Reserve = 131;
    const int Submit = 132;

    [Fact]
    public void A_key_that_is_an_argument_of_a_global_function() => AssertRefused("6.2", Code.Create(
        ("global", FunctionKind.Global, [Copy(2, 1), Helper(LookUp), Exit])));

    [Fact]
    public void A_key_inside_an_argument_that_was_spilled_to_the_stack() => AssertRefused("6.2", Code.Create(
        ("global", FunctionKind.Global, [Spill(2, -8), Fill(-8, 2), Add(2, 16), Helper(LookUp), Exit])));

    [Fact]
    public void A_value_that_is_an_argument_of_a_global_function() => AssertRefused("6.2", Code.Create(
        ("global", FunctionKind.Global, [Copy(3, 1), Copy(2, 10), Helper(Update), Exit])));

    [Fact]
    public void A_key_that_a_static_function_gets_from_a_global_one() => AssertRefused("6.2", Code.Create(
        ("global", FunctionKind.Global, [Own(1), Exit]),
        ("static", FunctionKind.Static, [Copy(2, 1), Helper(LookUp), Exit])));

    [Fact]
    public void A_record_that_its_callers_caller_compares_with_null_again() => AssertRefused("6.4", Code.Create(
        ("entry", FunctionKind.Entry, [Own(1), JumpIfNull(0, 2), Copy(1, 0), Helper(Submit), Exit]),
        ("begin", FunctionKind.Static, [Helper(Reserve), JumpIfNull(0, 0), Exit])));

    [Fact]
    public void Nothing_in_a_key_on_the_functions_own_stack() => AssertTaken(Code.Create(
        ("global", FunctionKind.Global, [Copy(2, 10), Add(2, -40), Helper(LookUp), Exit])));

    [Fact]
    public void Nothing_in_a_key_that_an_entry_gives_to_a_static_function() => AssertTaken(Code.Create(
        ("entry", FunctionKind.Entry, [Copy(1, 10), Own(1), Exit]),
        ("static", FunctionKind.Static, [Copy(2, 1), Helper(LookUp), Exit])));

    [Fact]
    public void Nothing_in_an_argument_that_another_value_replaced() => AssertTaken(Code.Create(
        ("global", FunctionKind.Global, [Spill(1, -8), SpillHalf(3, -4), Fill(-8, 2), Helper(LookUp), Exit])));

    [Fact]
    public void Nothing_in_a_record_that_is_compared_once() => AssertTaken(Code.Create(
        ("entry", FunctionKind.Entry, [Helper(Reserve), JumpIfNull(0, 2), Copy(1, 0), Helper(Submit), Exit])));

    static void AssertRefused(string since, Code code) =>
        Assert.Equal(Version.Parse(since), Assert.Single(PointerRules.OffencesIn(code)).Since);

    static void AssertTaken(Code code) => Assert.Empty(PointerRules.OffencesIn(code));

    static Instruction Exit => new(Instruction.Exit, 0, 0, 0, 0);

    static Instruction Copy(byte to, byte from) => new(0xbf, to, from, 0, 0);

    static Instruction Add(byte to, int number) => new(0x07, to, 0, 0, number);

    static Instruction Spill(byte register, short offset) => new(0x7b, 10, register, offset, 0);

    static Instruction SpillHalf(byte register, short offset) => new(0x63, 10, register, offset, 0);

    static Instruction Fill(short offset, byte register) => new(0x79, register, 10, offset, 0);

    static Instruction JumpIfNull(byte register, short over) => new(0x15, register, 0, over, 0);

    static Instruction Helper(int number) => new(Instruction.Call, 0, 0, 0, number);

    /// <summary>A call of a function of the same object, by its place in the list.</summary>
    static Instruction Own(int place) => new(Instruction.Call, 0, 1, 0, place);
}
