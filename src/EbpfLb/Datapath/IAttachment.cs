using EbpfLb.Native;

namespace EbpfLb.Datapath;

/// <summary>A program on a hook. Detaching takes effect at once, whoever else holds it.</summary>
interface IAttachment : IDisposable
{
    /// <summary>Has another program take the attached one's place, in one step: no packet comes between them.</summary>
    void Replace(Fd program);

    void Detach();
}
