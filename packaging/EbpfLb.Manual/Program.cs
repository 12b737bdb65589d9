using EbpfLb.Commands;
using EbpfLb.Manual;

if (args is not [var directory])
{
    Console.Error.WriteLine("usage: EbpfLb.Manual DIRECTORY");
    return 2;
}

Directory.CreateDirectory(directory);
var root = CommandLine.Create((_, _, _, _) => throw new NotSupportedException("the manual runs no command"));
foreach (var page in ManualPage.All(root))
    File.WriteAllText(Path.Combine(directory, page.FileName), page.Text);
return 0;
