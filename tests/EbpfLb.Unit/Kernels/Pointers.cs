namespace EbpfLb.Unit.Kernels;

/// <summary>What a register or a stack slot may hold.</summary>
[Flags]
enum Pointer
{
    None = 0,

    /// <summary>A pointer that a global function got from its caller.</summary>
    Argument = 1,

    /// <summary>A record that was reserved in a ring buffer, or NULL.</summary>
    Record = 2,

    /// <summary>A record that was compared with NULL.</summary>
    Compared = 4,
}

/// <summary>What the registers and the stack of a function hold at one instruction, on any path to it.</summary>
sealed class Pointers
{
    const int Registers = 10;

    readonly Pointer[] _registers = new Pointer[Registers + 1];
    readonly Dictionary<int, Pointer> _slots = [];

    public Pointer this[int register]
    {
        get => _registers[register];
        set => _registers[register] = value;
    }

    public Pointer Slot(int offset) => _slots.GetValueOrDefault(offset);

    /// <summary>Writes to the stack; what was there, even in part, is lost.</summary>
    public void Store(int offset, int width, Pointer value)
    {
        for (var touched = offset - 7; touched < offset + width; touched++)
            _slots.Remove(touched);
        if (value != Pointer.None)
            _slots[offset] = value;
    }

    /// <summary>Changes every record.</summary>
    public void ChangeRecords(Func<Pointer, Pointer> change)
    {
        for (var register = 0; register <= Registers; register++)
            _registers[register] = Changed(_registers[register], change);
        foreach (var (offset, held) in _slots.ToArray())
            _slots[offset] = Changed(held, change);
    }

    public Pointers Copy()
    {
        var copy = new Pointers();
        copy.Join(this);
        return copy;
    }

    /// <summary>Adds what may be held on another path; says whether that was new.</summary>
    public bool Join(Pointers other)
    {
        var grown = false;
        for (var register = 0; register <= Registers; register++)
        {
            grown |= (other[register] & ~_registers[register]) != 0;
            _registers[register] |= other[register];
        }
        foreach (var (offset, held) in other._slots)
        {
            grown |= (held & ~Slot(offset)) != 0;
            _slots[offset] = Slot(offset) | held;
        }
        return grown;
    }

    static Pointer Changed(Pointer held, Func<Pointer, Pointer> change) => held.HasFlag(Pointer.Record) ? change(held) : held;
}
