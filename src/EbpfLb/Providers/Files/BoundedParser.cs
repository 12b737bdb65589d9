using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace EbpfLb.Providers.Files;

/// <summary>A YAML parser with limits: one document, few levels, no aliases.</summary>
sealed class BoundedParser(IParser inner) : IParser
{
    const int MaxDepth = 16;

    int _level;
    int _documents;

    public ParsingEvent? Current => inner.Current;

    public bool MoveNext()
    {
        if (!inner.MoveNext())
            return false;
        switch (Current)
        {
            case AnchorAlias or NodeEvent { Anchor.IsEmpty: false }:
                throw CreateException("anchors and aliases are not supported here; write the value out");
            case MappingStart or SequenceStart when ++_level > MaxDepth:
                throw CreateException($"this is nested deeper than {MaxDepth} levels");
            case MappingEnd or SequenceEnd:
                _level--;
                break;
            case DocumentStart when ++_documents > 1:
                throw CreateException("a second document starts here; keep one per file");
        }
        return true;
    }

    YamlException CreateException(string why) => new(Current!.Start, Current.End, why);
}
