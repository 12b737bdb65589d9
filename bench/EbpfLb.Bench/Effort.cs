namespace EbpfLb.Bench;

/// <summary>How much is made of measuring.</summary>
/// <param name="Rounds">How often each thing is measured.</param>
/// <param name="Seconds">How long a load lasts.</param>
/// <param name="IsQuick">Whether it is a first look only.</param>
sealed record Effort(int Rounds, int Seconds, bool IsQuick)
{
    public static readonly Effort Full = new(Rounds: 5, Seconds: 2, IsQuick: false);
    public static readonly Effort Quick = new(Rounds: 1, Seconds: 1, IsQuick: true);
}
