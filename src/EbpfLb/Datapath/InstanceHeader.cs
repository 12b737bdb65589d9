using System.Runtime.InteropServices;
using EbpfLb.Abi;

namespace EbpfLb.Datapath;

/// <summary>What begins <see cref="LbInstance"/> in every version, so that each can take down what another left.</summary>
[StructLayout(LayoutKind.Sequential)]
readonly record struct InstanceHeader(uint AbiVersion, uint Ifindex);
