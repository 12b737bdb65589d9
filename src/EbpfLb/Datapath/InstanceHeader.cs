using System.Runtime.InteropServices;
using EbpfLb.Abi;

namespace EbpfLb.Datapath;

/// <summary>
/// The first members of <see cref="LbInstance"/> in every version, so that each can detach another's datapath.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
readonly record struct InstanceHeader(uint AbiVersion, uint Ifindex);
