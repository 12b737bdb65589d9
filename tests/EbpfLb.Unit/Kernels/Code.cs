using System.Diagnostics;
using LibObjectFile.Elf;

namespace EbpfLb.Unit.Kernels;

enum FunctionKind
{
    /// <summary>A program: the kernel calls it with its context.</summary>
    Entry,

    /// <summary>The verifier checks it once, by itself, for any arguments.</summary>
    Global,

    /// <summary>The verifier checks it with what each caller gives it.</summary>
    Static,
}

sealed record Function(string Name, FunctionKind Kind, int First, int Count);

/// <summary>What a call instruction calls: one of the three.</summary>
sealed record Callee(int? Helper = null, Function? Function = null, string? KernelFunction = null);

/// <summary>The instructions of a compiled object, all functions in one list, with the target of each call.</summary>
sealed class Code
{
    const int FromItself = 1; // BPF_PSEUDO_CALL
    const uint RelocatesCall = 10; // R_BPF_64_32

    readonly Dictionary<int, Callee> _callees = [];

    Code(IReadOnlyList<Instruction> instructions, IReadOnlyList<Function> functions)
    {
        Instructions = instructions;
        Functions = functions;
    }

    public IReadOnlyList<Instruction> Instructions { get; }

    public IReadOnlyList<Function> Functions { get; }

    public IEnumerable<Callee> Callees => _callees.Values;

    public Callee CalleeAt(int index) => _callees[index];

    /// <summary>Code that a test wrote: helpers are called by number, functions by their place in the list.</summary>
    public static Code Create(params (string Name, FunctionKind Kind, Instruction[] Body)[] functions)
    {
        var instructions = new List<Instruction>();
        var placed = new List<Function>();
        foreach (var (name, kind, body) in functions)
        {
            placed.Add(new(name, kind, instructions.Count, body.Length));
            instructions.AddRange(body);
        }
        var code = new Code(instructions, placed);
        foreach (var (call, index) in CallsOf(instructions))
            code._callees[index] = call.Source == FromItself ? new(Function: placed[call.Immediate]) : new(Helper: call.Immediate);
        return code;
    }

    /// <param name="image">The ELF file's content.</param>
    public static Code Read(byte[] image)
    {
        using var stream = new MemoryStream(image);
        var elf = ElfFile.Read(stream);
        var sections = elf.Sections.OfType<ElfStreamSection>()
            .Where(section => section.Flags.HasFlag(ElfSectionFlags.Executable)).ToArray();
        var bases = new Dictionary<ElfSection, int>();
        var instructions = new List<Instruction>();
        foreach (var section in sections)
        {
            bases[section] = instructions.Count;
            instructions.AddRange(InstructionsOf(section));
        }
        var symbols = elf.Sections.OfType<ElfSymbolTable>().Single().Entries;
        var functions = symbols.Where(symbol => symbol.Type == ElfSymbolType.Function && symbol.SectionLink.Section is { } at && bases.ContainsKey(at))
            .Select(symbol => FunctionOf(symbol, bases[symbol.SectionLink.Section!])).ToArray();
        var code = new Code(instructions, functions);
        foreach (var (call, index) in CallsOf(instructions).Where(found => found.Call.Source != FromItself))
            code._callees[index] = new(Helper: call.Immediate);
        foreach (var (call, index) in CallsOf(instructions).Where(found => found.Call.Source == FromItself))
            code._callees[index] = new(Function: functions.SingleOrDefault(function => function.First == index + 1 + call.Immediate));
        foreach (var table in elf.Sections.OfType<ElfRelocationTable>())
        {
            if (table.Info.Section is not { } of || !bases.TryGetValue(of, out var first))
                continue;
            foreach (var relocation in table.Entries.Where(entry => entry.Type.Value == RelocatesCall))
            {
                var index = first + ((int)relocation.Offset / Instruction.Size);
                code._callees[index] = code.TargetOf(symbols[(int)relocation.SymbolIndex], instructions[index], bases);
            }
        }
        Debug.Assert(code._callees.Values.All(callee => callee is not { Helper: null, Function: null, KernelFunction: null }));
        return code;
    }

    Callee TargetOf(ElfSymbol symbol, Instruction call, Dictionary<ElfSection, int> bases)
    {
        if (symbol.SectionLink.Section is not { } section)
            return new(KernelFunction: symbol.Name.Value);
        // The immediate counts from the instruction after the symbol's.
        var first = bases[section] + ((int)symbol.Value / Instruction.Size) + call.Immediate + 1;
        return new(Function: Functions.Single(function => function.First == first));
    }

    static Function FunctionOf(ElfSymbol symbol, int sectionBase)
    {
        var inText = symbol.SectionLink.Section!.Name.Value == ".text";
        var kind = !inText ? FunctionKind.Entry
            : symbol.Bind == ElfSymbolBind.Local ? FunctionKind.Static
            : FunctionKind.Global;
        return new(symbol.Name.Value, kind, sectionBase + ((int)symbol.Value / Instruction.Size), (int)symbol.Size / Instruction.Size);
    }

    static IEnumerable<Instruction> InstructionsOf(ElfStreamSection section)
    {
        var bytes = new byte[section.Stream.Length];
        section.Stream.Position = 0;
        section.Stream.ReadExactly(bytes);
        return Enumerable.Range(0, bytes.Length / Instruction.Size)
            .Select(index => Instruction.Read(bytes.AsSpan(index * Instruction.Size, Instruction.Size)));
    }

    static IEnumerable<(Instruction Call, int Index)> CallsOf(IEnumerable<Instruction> instructions) =>
        instructions.Select((instruction, index) => (instruction, index)).Where(each => each.instruction.Opcode == Instruction.Call);
}
