using System.Globalization;
using System.Text.RegularExpressions;

namespace EbpfLb.Lab.Telemetry;

/// <summary>What a veth counts of native XDP: the frames that a program had it send back, and those of them it lost.</summary>
sealed partial record DriverCounters(long Sent, long Lost)
{
    /// <summary>Reads what ethtool prints, a line for each queue.</summary>
    public static DriverCounters Parse(string statistics)
    {
        return new DriverCounters(Sum("xdp_tx"), Sum("xdp_tx_errors"));

        long Sum(string counter)
        {
            var queues = Queue().Matches(statistics).Where(queue => queue.Groups[1].Value == counter).ToList();
            return queues.Count > 0
                ? queues.Sum(queue => long.Parse(queue.Groups[2].Value, CultureInfo.InvariantCulture))
                : throw new LabException($"The driver does not count {counter}: {statistics}");
        }
    }

    [GeneratedRegex(@"rx_queue_\d+_(\w+): (\d+)")]
    private static partial Regex Queue();
}
