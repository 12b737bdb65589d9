using EbpfLb.Commands;
using EbpfLb.Manual;

var (kind, directory) = args switch
{
    [var only] => ("pages", only),
    ["--reference", var given] => ("reference", given),
    _ => ("", ""),
};
if (kind.Length == 0)
{
    Console.Error.WriteLine("usage: EbpfLb.Manual [--reference] DIRECTORY");
    return 2;
}

Directory.CreateDirectory(directory);
var root = CommandLine.Create((_, _, _, _) => throw new NotSupportedException("the manual runs no command"));
if (kind == "reference")
{
    File.WriteAllText(Path.Combine(directory, "cli.md"), CommandsPage.Create(root));
    File.WriteAllText(Path.Combine(directory, "configuration.md"), SettingsPage.Create());
    File.WriteAllText(Path.Combine(directory, "ebpf-lb.schema.json"), SettingsSchema.Create());
    return 0;
}
foreach (var page in ManualPage.All(root))
    File.WriteAllText(Path.Combine(directory, page.FileName), page.Text);
return 0;
