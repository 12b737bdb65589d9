using EbpfLb.Abi;
using EbpfLb.Native;

namespace EbpfLb.Tables;

/// <summary>
/// The addresses of services. A packet to another address is passed before any flow look-up. Like <see cref="PortFilter"/>
/// it forgets no address while the tables live. The datapath adds the addresses that SNAT sends from, in words of its own.
/// </summary>
/// <param name="words">One bit for each <see cref="LbAddress.FilterBit"/>; <c>LB_ADDRESS_FILTER_WORD</c> of <c>bpf/abi.h</c>.</param>
sealed class AddressFilter(BpfMap<uint, ulong> words)
{
    public BpfMap<uint, ulong> Words => words;

    /// <summary>Allows packets to a service's address. Call it before the service is written.</summary>
    public void Allow(LbAddress address) => words.AddBits(
        address.FilterBit / FilterWords.BitsInWord, 1ul << (int)(address.FilterBit % FilterWords.BitsInWord));
}
