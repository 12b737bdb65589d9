namespace EbpfLb.Hooks;

/// <summary>A program on a hook. Detaching takes effect at once, whoever else holds it.</summary>
interface IAttachment : IDisposable
{
    void Detach();
}
