using System.Diagnostics.CodeAnalysis;

namespace EbpfLb.Abi;

/// <summary>Mirror of <c>struct lb_label</c>: a name for people.</summary>
struct LbLabel
{
    Utf8Text64 _text;

    /// <summary>UTF-8, filled with zeros.</summary>
    [UnscopedRef]
    public readonly ReadOnlySpan<byte> Text => _text;

    public static LbLabel From(string text)
    {
        var label = default(LbLabel);
        FixedText.Write(label._text, text);
        return label;
    }

    public override readonly string ToString() => FixedText.Read(_text);
}

/// <summary>Mirror of <c>struct lb_instance</c>: what a running instance says of itself.</summary>
struct LbInstance
{
    public uint AbiVersion;
    public uint Ifindex;

    /// <summary>The <c>HookKind</c> that was taken.</summary>
    public uint Hook;
    public uint Pid;

    /// <summary>Nanoseconds of CLOCK_MONOTONIC.</summary>
    public ulong AttachedNs;

    /// <summary>The <c>TableLayout.Digest</c> of what made the maps.</summary>
    public ulong Layout;

    /// <summary>When a process that withdraws ends: nanoseconds of CLOCK_MONOTONIC. 0 if it does not withdraw.</summary>
    public ulong WithdrawnNs;
    Utf8Text128 _why;

    /// <summary>Why this hook was taken; cut to what fits.</summary>
    public string Why
    {
        readonly get => FixedText.Read(_why);
        set => FixedText.Write(_why, value);
    }
}

[InlineArray(Limits.LabelLength)]
struct Utf8Text64
{
    byte _first;
}

[InlineArray(128)]
struct Utf8Text128
{
    byte _first;
}

/// <summary>Zero-terminated UTF-8 in a fixed number of bytes.</summary>
static class FixedText
{
    /// <summary>Writes as many whole characters as fit before the terminating zero.</summary>
    public static void Write(Span<byte> field, string text)
    {
        field.Clear();
        Encoding.UTF8.GetEncoder().Convert(text, field[..^1], flush: true, out _, out _, out _);
    }

    public static string Read(ReadOnlySpan<byte> field)
    {
        var end = field.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? field : field[..end]);
    }
}
