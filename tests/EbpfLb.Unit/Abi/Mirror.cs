using System.Globalization;
using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace EbpfLb.Unit.Abi;

/// <summary>The C# mirror's types, told in the words of the C header that they mirror.</summary>
static class Mirror
{
    /// <summary>The mirror's types by the C names that theirs follow from; helpers are named otherwise.</summary>
    public static IReadOnlyDictionary<string, Type> Types { get; } = typeof(EbpfLb.Abi.LbTuple).Assembly.GetTypes()
        .Where(type => type.Namespace == "EbpfLb.Abi" && type.Name.StartsWith("Lb", StringComparison.Ordinal))
        .Where(type => type.IsValueType && !type.IsNested)
        .ToDictionary(type => Snake(type.Name));

    public static BtfStruct StructOf(Type type) => new(
        Snake(type.Name),
        RuntimeHelpers.SizeOf(type.TypeHandle),
        [.. FieldsOf(type).Select(field => new BtfMember(
            NameOf(field), OffsetOf(type, field), RuntimeHelpers.SizeOf(field.FieldType.TypeHandle)))]);

    /// <param name="type">An enum of the mirror.</param>
    /// <param name="prefix">What the C header's names start with.</param>
    public static BtfEnum EnumOf(Type type, string prefix) => new(
        Snake(type.Name),
        RuntimeHelpers.SizeOf(type.TypeHandle),
        Enum.GetNames(type).ToDictionary(
            name => prefix + Snake(name).ToUpperInvariant(),
            name => Convert.ToUInt32(Enum.Parse(type, name), CultureInfo.InvariantCulture)));

    static FieldInfo[] FieldsOf(Type type) =>
        type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic);

    /// <summary>Private fields start with an underscore; those of properties stand in brackets.</summary>
    static string NameOf(FieldInfo field) => Snake(field.Name.TrimStart('_', '<').Split('>')[0]);

    static string Snake(string name) => JsonNamingPolicy.SnakeCaseLower.ConvertName(name);

    /// <summary>The field's place in the runtime's own layout: what the kernel is given.</summary>
    static int OffsetOf(Type type, FieldInfo field)
    {
        var method = new DynamicMethod("offset", typeof(int), [], typeof(Mirror).Module, skipVisibility: true);
        var il = method.GetILGenerator();
        var value = il.DeclareLocal(type);
        il.Emit(OpCodes.Ldloca, value);
        il.Emit(OpCodes.Ldflda, field);
        il.Emit(OpCodes.Conv_U);
        il.Emit(OpCodes.Ldloca, value);
        il.Emit(OpCodes.Conv_U);
        il.Emit(OpCodes.Sub);
        il.Emit(OpCodes.Conv_I4);
        il.Emit(OpCodes.Ret);
        return (int)method.Invoke(null, null)!;
    }
}
