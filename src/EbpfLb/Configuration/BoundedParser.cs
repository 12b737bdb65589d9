using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace EbpfLb.Configuration;

/// <summary>A YAML parser that lets through only what cannot grow: one document, few levels, no aliases.</summary>
sealed class BoundedParser(IParser inner) : IParser
{
    const int DeepestLevel = 16;

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
                throw Refusal("anchors and aliases are not supported here; write the value out");
            case MappingStart or SequenceStart when ++_level > DeepestLevel:
                throw Refusal($"this is nested deeper than {DeepestLevel} levels");
            case MappingEnd or SequenceEnd:
                _level--;
                break;
            case DocumentStart when ++_documents > 1:
                throw Refusal("a second document starts here; keep one per file");
        }
        return true;
    }

    YamlException Refusal(string why) => new(Current!.Start, Current.End, why);
}
