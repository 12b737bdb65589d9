using System.Net;
using System.Text;

namespace EbpfLb.Metrics;

/// <summary>A response of the <see cref="MetricsServer"/>.</summary>
/// <param name="Status">The status code.</param>
/// <param name="Body">UTF-8 text.</param>
/// <param name="ContentType">The media type.</param>
sealed record HttpResponse(HttpStatusCode Status, byte[] Body, string ContentType = "text/plain; charset=utf-8")
{
    public HttpResponse(HttpStatusCode status, string text)
        : this(status, Encoding.UTF8.GetBytes(text))
    {
    }
}
