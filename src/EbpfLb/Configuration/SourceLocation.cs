namespace EbpfLb.Configuration;

/// <summary>Where a value was written.</summary>
/// <param name="Text">A flag, a container's label, or file, line, column and path.</param>
/// <param name="Line">From 1; 0 if there are no lines.</param>
/// <param name="Column">From 1; 0 if there are no lines.</param>
readonly record struct SourceLocation(string Text, long Line = 0, long Column = 0)
{
    public static implicit operator SourceLocation(string words) => new(words);

    public override string ToString() => Text;
}
