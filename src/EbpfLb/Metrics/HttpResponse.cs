using System.Net;
using System.Text;

namespace EbpfLb.Metrics;

/// <summary>What stands at a path of a <see cref="MetricsServer"/>.</summary>
/// <param name="Status">Its code.</param>
/// <param name="Body">In UTF-8.</param>
/// <param name="ContentType">What the text is.</param>
sealed record HttpResponse(HttpStatusCode Status, byte[] Body, string ContentType = "text/plain; charset=utf-8")
{
    public HttpResponse(HttpStatusCode status, string text)
        : this(status, Encoding.UTF8.GetBytes(text))
    {
    }
}
