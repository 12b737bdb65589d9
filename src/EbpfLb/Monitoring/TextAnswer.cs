using System.Net;
using System.Text;

namespace EbpfLb.Monitoring;

/// <summary>What stands at a path of a <see cref="TextServer"/>.</summary>
/// <param name="Status">Its code.</param>
/// <param name="Text">In UTF-8.</param>
/// <param name="ContentType">What the text is.</param>
sealed record TextAnswer(HttpStatusCode Status, byte[] Text, string ContentType = "text/plain; charset=utf-8")
{
    public TextAnswer(HttpStatusCode status, string text)
        : this(status, Encoding.UTF8.GetBytes(text))
    {
    }
}
