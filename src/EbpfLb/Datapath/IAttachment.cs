using EbpfLb.Native;

namespace EbpfLb.Datapath;

/// <summary>A program at a hook. Detaching takes effect at once, even if another process holds the attachment.</summary>
interface IAttachment : IDisposable
{
    /// <summary>Atomically replaces the attached program.</summary>
    void Replace(Fd program);

    void Detach();
}
