namespace EbpfLb.Unit.Kernels;

/// <summary>A use of a pointer that kernels before <paramref name="Since"/> refuse.</summary>
sealed record Offence(Version Since, string Function, int Instruction, string What)
{
    public override string ToString() => $"{Function}, instruction {Instruction}: {What}, which needs Linux {Since}";
}

/// <summary>
/// Follows pointers through a compiled object along every path, as the verifier does, and finds the uses that older
/// verifiers refuse. Unlike the verifier it knows no numbers, so it takes every branch.
/// </summary>
sealed class PointerRules
{
    static readonly Version KeysFromArguments = new(6, 2);
    static readonly Version RecordsStayCompared = new(6, 4);

    const int RingBufferReserve = 131;
    const int RingBufferSubmit = 132;
    const int RingBufferDiscard = 133;
    const int StackPointer = 10;

    /// <summary>By helper: which arguments point to a map's key or value.</summary>
    static readonly Dictionary<int, int[]> KeysAndValues = new() { [1] = [2], [2] = [2, 3], [3] = [2] };

    readonly Code _code;
    readonly HashSet<Offence> _offences = [];
    readonly Dictionary<(Function, string), Pointer> _results = [];

    PointerRules(Code code) => _code = code;

    public static IReadOnlyCollection<Offence> OffencesIn(Code code)
    {
        var rules = new PointerRules(code);
        foreach (var function in code.Functions.Where(function => function.Kind != FunctionKind.Static))
        {
            var given = new Pointers();
            if (function.Kind == FunctionKind.Global)
                Arguments.ForEach(register => given[register] = Pointer.Argument);
            rules.Follow(function, given);
        }
        return rules._offences;
    }

    static readonly List<int> Arguments = [1, 2, 3, 4, 5];

    /// <summary>Follows every path through a function; returns what it may return.</summary>
    Pointer Follow(Function function, Pointers given)
    {
        var key = (function, string.Join(',', Arguments.Select(register => given[register])));
        if (_results.TryGetValue(key, out var known))
            return known;
        var result = Pointer.None;
        var reached = new Dictionary<int, Pointers> { [function.First] = given };
        var open = new Queue<int>([function.First]);
        while (open.TryDequeue(out var index))
        {
            var held = reached[index].Copy();
            if (_code.Instructions[index].Opcode == Instruction.Exit)
                result |= held[0];
            foreach (var (next, then) in Step(function, index, held))
            {
                if (!reached.TryGetValue(next, out var before))
                    reached[next] = then.Copy();
                else if (!before.Join(then))
                    continue;
                open.Enqueue(next);
            }
        }
        return _results[key] = result;
    }

    /// <summary>What is held after an instruction, by the instruction that may come next.</summary>
    IEnumerable<(int Next, Pointers Then)> Step(Function function, int index, Pointers held)
    {
        var instruction = _code.Instructions[index];
        switch (instruction)
        {
            case { Opcode: Instruction.Exit }:
                return [];
            case { Opcode: Instruction.JumpAlways }:
                return [(index + 1 + instruction.Offset, held)];
            case { Opcode: Instruction.LoadImmediate64 }:
                held[instruction.Destination] = Pointer.None;
                return [(index + 2, held)];
            case { Opcode: Instruction.Call }:
                Call(function, index, held);
                break;
            case { IsConditionalJump: true }:
                return Branch(function, index, held);
            default:
                Compute(instruction, held);
                break;
        }
        return [(index + 1, held)];
    }

    static void Compute(Instruction instruction, Pointers held)
    {
        var source = held[instruction.Source];
        if (instruction.IsStore && instruction.Destination == StackPointer)
        {
            var whole = instruction.IsStoreOfRegister && instruction.Width == 8;
            held.Store(instruction.Offset, instruction.Width, whole ? source : Pointer.None);
        }
        else if (instruction.IsCopy)
        {
            held[instruction.Destination] = source;
        }
        else if (instruction.IsLoad)
        {
            var spilled = instruction.Source == StackPointer && instruction.Width == 8;
            held[instruction.Destination] = spilled ? held.Slot(instruction.Offset) : Pointer.None;
        }
        else if (instruction.IsArithmetic && !instruction.IsPointerArithmetic)
        {
            held[instruction.Destination] = Pointer.None;
        }
    }

    IEnumerable<(int Next, Pointers Then)> Branch(Function function, int index, Pointers held)
    {
        var instruction = _code.Instructions[index];
        var jumped = held.Copy();
        var compared = held[instruction.Destination];
        if (instruction.ComparesWithNull && compared.HasFlag(Pointer.Record))
        {
            if (compared.HasFlag(Pointer.Compared))
                Refuse(RecordsStayCompared, function, index, "a ring buffer record is compared with NULL again");
            var (none, some) = instruction.JumpsOnNull ? (jumped, held) : (held, jumped);
            none.ChangeRecords(_ => Pointer.None);
            some.ChangeRecords(record => record | Pointer.Compared);
        }
        return [(index + 1, held), (index + 1 + instruction.Offset, jumped)];
    }

    void Call(Function function, int index, Pointers held)
    {
        var result = Pointer.None;
        switch (_code.CalleeAt(index))
        {
            case { Helper: { } helper }:
                result = CallHelper(function, index, helper, held);
                break;
            case { Function: { Kind: FunctionKind.Static } called }:
                var given = new Pointers();
                Arguments.ForEach(register => given[register] = held[register]);
                result = Follow(called, given);
                break;
        }
        Arguments.ForEach(register => held[register] = Pointer.None);
        held[0] = result;
    }

    Pointer CallHelper(Function function, int index, int helper, Pointers held)
    {
        foreach (var register in KeysAndValues.GetValueOrDefault(helper, []))
        {
            if (held[register].HasFlag(Pointer.Argument))
                Refuse(KeysFromArguments, function, index, "a global function's argument is a map's key or value");
        }
        if (helper is RingBufferSubmit or RingBufferDiscard)
            held.ChangeRecords(_ => Pointer.None);
        return helper == RingBufferReserve ? Pointer.Record : Pointer.None;
    }

    void Refuse(Version since, Function function, int index, string what) =>
        _offences.Add(new(since, function.Name, index - function.First, what));
}
