using EbpfLb.Native;

namespace EbpfLb.Unit.Kernels;

/// <summary>
/// Each object uses only what the oldest Linux has that it is meant for. The tables are those of the decision record;
/// that such a kernel really loads the objects, virtual machines show.
/// </summary>
public sealed class ObjectsFitTheirKernels
{
    public static TheoryData<string> Objects => [.. KernelRecord.Objects.Keys];

    [Fact]
    public void The_record_names_every_object()
    {
        var compiled = typeof(LibBpf).Assembly.GetManifestResourceNames()
            .Where(name => name.EndsWith(".bpf.o", StringComparison.Ordinal)).Select(name => name[..^".bpf.o".Length]);

        Assert.Equal(compiled.Order(), KernelRecord.Objects.Keys.Order());
    }

    [Theory, MemberData(nameof(Objects))]
    public void An_object_calls_no_helper_that_its_kernel_lacks(string name)
    {
        var called = CodeOf(name).Callees.Select(callee => callee.Helper).OfType<int>().Distinct().ToArray();

        Assert.NotEmpty(called);
        Assert.All(called, helper => AssertHas(KernelRecord.Objects[name], KernelRecord.Helpers, helper));
    }

    [Theory, MemberData(nameof(Objects))]
    public void An_object_has_no_map_of_a_type_that_its_kernel_lacks(string name)
    {
        using var opened = BpfObject.Open(name, ImageOf(name));
        var types = opened.MapNames.Select(map => (int)opened.LayoutOf(map).Type).Distinct().ToArray();

        Assert.NotEmpty(types);
        Assert.All(types, type => AssertHas(KernelRecord.Objects[name], KernelRecord.MapTypes, type));
    }

    [Theory, MemberData(nameof(Objects))]
    public void An_object_has_no_instruction_that_its_kernel_lacks(string name)
    {
        var code = CodeOf(name);
        var used = code.Instructions.Select(instruction => instruction.Feature).Where(feature => feature.Length != 0)
            .Concat(code.Callees.Select(callee => callee.KernelFunction).OfType<string>()).Distinct();

        Assert.All(used, feature => Assert.True(
            KernelRecord.Others.TryGetValue(feature, out var since) && since <= KernelRecord.Objects[name],
            $"{name} uses {feature}, which the record does not give to its kernel"));
    }

    [Theory, MemberData(nameof(Objects))]
    public void An_object_uses_no_pointer_as_its_kernel_forbids(string name)
    {
        var offences = PointerRules.OffencesIn(CodeOf(name)).Where(offence => offence.Since > KernelRecord.Objects[name]);

        Assert.Empty(offences);
    }

    static void AssertHas(Version kernel, IReadOnlyDictionary<int, (string Name, Version Since)> known, int number)
    {
        Assert.True(known.TryGetValue(number, out var used), $"number {number} is missing in the record");
        Assert.True(used.Since <= kernel, $"{used.Name} needs Linux {used.Since}, the object is for {kernel}");
    }

    static Code CodeOf(string name) => Code.Read(ImageOf(name));

    static byte[] ImageOf(string name)
    {
        using var stream = typeof(LibBpf).Assembly.GetManifestResourceStream($"{name}.bpf.o")!;
        var image = new byte[stream.Length];
        stream.ReadExactly(image);
        return image;
    }
}
