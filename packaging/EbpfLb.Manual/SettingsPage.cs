using System.Text;
using EbpfLb.Configuration;

namespace EbpfLb.Manual;

/// <summary>The reference of all settings, in Markdown.</summary>
static class SettingsPage
{
    const string Intro = """
        # Configuration

        A file (`ebpf-lb run --config FILE`) has these keys. Most of them are flags of `ebpf-lb run` as well; flags
        describe services that share their backends. [ebpf-lb.yaml](../ebpf-lb.yaml) is an example with comments, and
        [ebpf-lb.schema.json](ebpf-lb.schema.json) is the JSON schema for editors:

        ```yaml
        # yaml-language-server: $schema=ebpf-lb.schema.json
        ```

        *live*: a running balancer applies a change of the file within about a second. *restart*: a change takes a
        restart; until then the balancer logs the change and keeps what it has.

        This page is generated from the code: `make docs`.

        """;

    /// <summary>The whole page.</summary>
    public static string Create()
    {
        var page = new StringBuilder(Intro.ReplaceLineEndings("\n"));
        Write(page, "Top level", "", LoadBalancerConfiguration.Settings.All);
        foreach (var (path, setting) in Sections("", LoadBalancerConfiguration.Settings.All))
            Write(page, $"`{path}`", setting.Description + "." + PairsOf(setting), setting.Keys, setting);
        return page.ToString();
    }

    static IEnumerable<(string Path, Setting Setting)> Sections(string prefix, IEnumerable<Setting> settings)
    {
        foreach (var setting in settings.Where(setting => setting.Keys.Count > 0))
        {
            var path = prefix + setting.Name + (setting.IsList ? "[]" : "");
            yield return (path, setting);
            foreach (var nested in Sections($"{path}.", setting.Keys))
                yield return nested;
        }
    }

    static string PairsOf(Setting setting) => setting.Pairs is { } pairs
        ? $" As a flag: `{setting.Flag} {pairs.HelpName}`, repeatable, as in `{setting.Flag} {pairs.Example}`."
        : setting.Shorthand is { } key ? $" A lone value is its `{key}`." : "";

    static void Write(StringBuilder page, string title, string text, IEnumerable<Setting> settings, Setting? section = null)
    {
        page.Append("\n## ").Append(title).Append("\n\n");
        if (text.Length > 0)
            page.Append(Prose.Wrap(text)).Append("\n\n");
        page.Append("| key | flag | value | default | change | |\n| --- | --- | --- | --- | --- | --- |\n");
        foreach (var setting in settings)
        {
            string?[] cells =
            [
                $"`{setting.Name}`", FlagOf(setting, section), ValueOf(setting), DefaultOf(setting),
                setting.IsReloadable && section?.IsReloadable != false ? "live" : "restart", setting.Description + ".",
            ];
            page.Append("| ").AppendJoin(" | ", cells.Select(cell => cell?.Replace("|", "\\|", StringComparison.Ordinal))).Append(" |\n");
        }
    }

    static string FlagOf(Setting setting, Setting? section) =>
        section?.Pairs is not null ? $"`{section.Flag} {setting.Name}{(setting.Type!.IsSwitch ? "" : "=...")}`"
        : setting.Flag is null ? ""
        : string.Join(", ", setting.Aliases.Prepend(setting.Flag).Select(flag => $"`{flag}`"));

    static string ValueOf(Setting setting) => setting.Type is { } type
        ? type.Words.IsEmpty ? type.Range : string.Join(", ", type.Words.Select(word => $"`{word}`"))
        : setting.IsList ? "list of mappings, below" : "mapping, below";

    static string DefaultOf(Setting setting) =>
        setting.IsRequired ? "required" : setting.Type is null ? "" : setting.Default ?? "none";
}
