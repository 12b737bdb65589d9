namespace EbpfLb.Lab;

/// <summary>
/// What the lab needs of its runner, a test framework or a program: when to give up, and where its words and its
/// evidence go. By default it never gives up, and nobody listens.
/// </summary>
public class LabContext
{
    /// <summary>The context of this process; set it before the lab starts.</summary>
    public static LabContext Current { get; set; } = new();

    /// <summary>Is cancelled when the caller gives up.</summary>
    public virtual CancellationToken CancellationToken => CancellationToken.None;

    /// <summary>Takes a line about the work that is going on.</summary>
    public virtual void WriteLine(string line)
    {
    }

    /// <summary>Takes a text as evidence of the work that is going on.</summary>
    public virtual void Attach(string name, string text)
    {
    }

    /// <summary>Takes a file as evidence of the work that is going on.</summary>
    public virtual void Attach(string name, byte[] content, string mediaType)
    {
    }
}
