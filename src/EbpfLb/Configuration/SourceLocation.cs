namespace EbpfLb.Configuration;

/// <summary>Where something is written.</summary>
/// <param name="Text">As errors name it: a flag, a container's label, or file, line, column and path.</param>
/// <param name="Line">Of a file, from 1 on; 0 where there are no lines.</param>
/// <param name="Column">From 1 on; 0 where there are no lines.</param>
readonly record struct SourceLocation(string Text, long Line = 0, long Column = 0)
{
    public static implicit operator SourceLocation(string words) => new(words);

    public override string ToString() => Text;
}
