using System.Runtime.CompilerServices;
using EbpfLb.Lab;

namespace EbpfLb.E2E;

/// <summary>The lab's words and evidence belong to the test that runs, and end with it.</summary>
sealed class XunitContext : LabContext
{
    public override CancellationToken CancellationToken => TestContext.Current.CancellationToken;

    public override void WriteLine(string line)
    {
        if (TestContext.Current.TestOutputHelper is { } output)
            output.WriteLine(line);
        else
            TestContext.Current.SendDiagnosticMessage("{0}", line);
    }

    public override void Attach(string name, string text) => TestContext.Current.AddAttachment(name, text);

    public override void Attach(string name, byte[] content, string mediaType) =>
        TestContext.Current.AddAttachment(name, content, mediaType);

    [ModuleInitializer]
    internal static void Register() => Current = new XunitContext();
}
