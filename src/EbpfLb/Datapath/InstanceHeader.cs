using EbpfLb.Abi;

namespace EbpfLb.Datapath;

/// <summary>The first members of <see cref="LbInstance"/> in every version: each can detach another's datapath.</summary>
readonly record struct InstanceHeader(uint AbiVersion, uint Ifindex);

/// <summary>The same of <see cref="LbLink"/>.</summary>
[StructLayout(LayoutKind.Sequential)]
readonly struct LinkHeader
{
    readonly Utf8Text16 _name;

    public string Name => FixedText.Read(_name);
}
