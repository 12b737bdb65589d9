using EbpfLb.Abi;
using EbpfLb.Flows;

namespace EbpfLb.Events;

/// <summary>Writes what is reported on standard output, in one of the formats of logs. Not thread-safe.</summary>
interface IEventWriter
{
    /// <param name="line">The line for people that says the balancer is ready.</param>
    void WriteReady(string line);

    void Write(in LbEvent happened);

    void WriteEnded(in LbEvent closed, FlowEnd why);

    /// <summary>Writes how many events were left out, such as <c>12 opened, 12 closed</c>.</summary>
    void WriteSuppressed(string summary);
}
