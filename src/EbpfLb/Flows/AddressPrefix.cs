using EbpfLb.Configuration;

namespace EbpfLb.Flows;

/// <summary>Network prefixes as users write them.</summary>
static class AddressPrefix
{
    /// <summary>Parses ADDRESS or ADDRESS/BITS; null if the text is neither.</summary>
    public static IPNetwork? TryParse(string text)
    {
        var slash = text.IndexOf('/');
        if (Syntax.ParseAddress(slash < 0 ? text : text[..slash]) is not { } address)
            return null;
        var width = address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        var bits = width;
        var isFine = slash < 0
            || (int.TryParse(text[(slash + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out bits) && bits <= width);
        return isFine ? new IPNetwork(address, bits) : null;
    }
}
