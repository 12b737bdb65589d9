namespace EbpfLb.Unit.Kernels;

/// <summary>One eBPF instruction (kernel documentation, "BPF Instruction Set Architecture").</summary>
readonly record struct Instruction(byte Opcode, byte Destination, byte Source, short Offset, int Immediate)
{
    public const int Size = 8;

    public const byte LoadImmediate64 = 0x18;
    public const byte JumpAlways = 0x05;
    public const byte Call = 0x85;
    public const byte Exit = 0x95;

    /// <summary>The class of an instruction that works on all 64 bits of a register.</summary>
    const int Jump = 5;
    const int Jump32 = 6;
    const int Alu64 = 7;

    const int Add = 0x00;
    const int Subtract = 0x10;
    const int Move = 0xb0;
    const int JumpIfEqual = 0x10;
    const int JumpIfNotEqual = 0x50;

    const int ModeMemory = 0x60;
    const int ModeSignExtended = 0x80;
    const int ModeAtomic = 0xc0;

    public static Instruction Read(ReadOnlySpan<byte> bytes) => new(
        bytes[0], (byte)(bytes[1] & 0xf), (byte)(bytes[1] >> 4), BitConverter.ToInt16(bytes[2..]), BitConverter.ToInt32(bytes[4..]));

    int Class => Opcode & 7;

    int Operation => Opcode & 0xf0;

    int Mode => Opcode & 0xe0;

    /// <summary>Whether the second operand is a register.</summary>
    bool IsOfRegisters => (Opcode & 8) != 0;

    /// <summary>How many bytes of memory it reads or writes.</summary>
    public int Width => (Opcode & 0x18) switch { 0x00 => 4, 0x08 => 2, 0x10 => 1, _ => 8 };

    public bool IsLoad => Class == 1;

    public bool IsStore => Class is 2 or 3 && Mode == ModeMemory;

    public bool IsStoreOfRegister => IsStore && Class == 3;

    public bool IsArithmetic => Class is 4 or Alu64;

    public bool IsConditionalJump => Class is Jump or Jump32 && Opcode is not (JumpAlways or Call or Exit) && Operation != 0;

    /// <summary>Whether the destination becomes a copy of the source.</summary>
    public bool IsCopy => Class == Alu64 && Operation == Move && IsOfRegisters && Offset == 0;

    /// <summary>Whether a pointer in the destination still points into the same object afterwards.</summary>
    public bool IsPointerArithmetic => Class == Alu64 && Operation is Add or Subtract;

    public bool ComparesWithNull =>
        Class == Jump && Operation is JumpIfEqual or JumpIfNotEqual && !IsOfRegisters && Immediate == 0;

    /// <summary>Of a comparison with NULL: whether it jumps when the pointer is NULL.</summary>
    public bool JumpsOnNull => Operation == JumpIfEqual;

    /// <summary>What the instruction is called in the record of what the objects need; empty when every kernel has it.</summary>
    public string Feature => this switch
    {
        { Class: Jump32, Operation: 0 } => "-mcpu=v4",
        { Class: Jump32 } => "32-bit jump",
        { Class: 1, Mode: ModeSignExtended } => "-mcpu=v4",
        { Class: 4 or Alu64, Operation: not 0xd0, Offset: not 0 } => "-mcpu=v4",
        { Class: Alu64, Operation: 0xd0 } => "-mcpu=v4",
        { Class: 3, Mode: ModeAtomic, Immediate: not 0 } => "atomic operation beyond a plain add",
        _ => "",
    };
}
