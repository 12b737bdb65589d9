using System.Diagnostics.CodeAnalysis;
using EbpfLb.Unit.Datapath.Harness;
using Xunit.Sdk;

[assembly: RegisterXunitSerializer(typeof(HostsSerializer), typeof(Hosts))]

namespace EbpfLb.Unit.Datapath.Harness;

/// <summary>Lets xunit name a case by its family.</summary>
public sealed class HostsSerializer : IXunitSerializer
{
    public object Deserialize(Type type, string serializedValue) =>
        Hosts.OfEachFamily.Single(hosts => hosts.ToString() == serializedValue);

    public bool IsSerializable(Type type, object? value, [NotNullWhen(false)] out string? failureReason)
    {
        failureReason = value is Hosts ? null : $"{type} is not {nameof(Hosts)}";
        return failureReason is null;
    }

    public string Serialize(object value) => value.ToString()!;
}
