using System.Runtime.InteropServices;
using EbpfLb.Abi;

namespace EbpfLb.Datapath;

/// <summary>What begins <see cref="LbLink"/> in every version, so that each can take down what another left.</summary>
[StructLayout(LayoutKind.Sequential)]
readonly struct LinkHeader
{
    readonly Utf8Text16 _name;

    public string Name => FixedText.Read(_name);
}
