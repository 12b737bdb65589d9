using System.Runtime.InteropServices;
using EbpfLb.Abi;

namespace EbpfLb.Datapath;

/// <summary>
/// The first members of <see cref="LbLink"/> in every version, so that each can detach another's datapath.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
readonly struct LinkHeader
{
    readonly Utf8Text16 _name;

    public string Name => FixedText.Read(_name);
}
