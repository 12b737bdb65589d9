using System.Text;

namespace EbpfLb.Unit.Datapath.Packets;

/// <summary>Two frames side by side, decoded, with a mark on each line where they differ.</summary>
static class FrameComparison
{
    /// <summary>Fails the test, showing both frames, unless they are the same byte for byte.</summary>
    public static void AssertSame(byte[] expected, byte[] actual, string what)
    {
        if (!expected.AsSpan().SequenceEqual(actual))
            Assert.Fail($"{what}: the frame differs from the expected one.\n{Describe(expected, actual)}");
    }

    public static string Describe(byte[] expected, byte[] actual)
    {
        var left = Dissection.Read(expected);
        var right = Dissection.Read(actual);
        var names = left.Select(field => field.Name).Union(right.Select(field => field.Name));
        var text = new StringBuilder();
        AppendLine(text, " ", "", "expected", "actual");
        foreach (var name in names)
        {
            var one = ValueOf(left, name);
            var other = ValueOf(right, name);
            AppendLine(text, one == other ? " " : "*", name, one, other);
        }
        text.Append("  expected bytes  ").AppendLine(Hex(expected));
        text.Append("  actual bytes    ").AppendLine(Hex(actual));
        return text.ToString();
    }

    /// <summary>The headers at least, and whole short frames.</summary>
    static string Hex(byte[] frame)
    {
        const int shown = 174; // an IPv6 header, a quoted one and most of what follows
        return Convert.ToHexStringLower(frame.AsSpan(0, Math.Min(frame.Length, shown)));
    }

    static string ValueOf(IReadOnlyList<(string Name, string Value)> fields, string name) =>
        fields.Where(field => field.Name == name).Select(field => field.Value).FirstOrDefault("-");

    static void AppendLine(StringBuilder text, string mark, string name, string left, string right) =>
        text.AppendLine($"{mark} {name,-28}{left,-48}{right}");
}
