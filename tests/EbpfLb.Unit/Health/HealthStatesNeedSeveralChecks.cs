using EbpfLb.Configuration;
using EbpfLb.Health;
using EbpfLb.Reconcile;

namespace EbpfLb.Unit.Health;

/// <summary>One check may err: so many in a row take a backend out, and so many bring it back.</summary>
public sealed class HealthStatesNeedSeveralChecks
{
    static readonly HealthConfiguration How = new() { Rise = 2, Fall = 3 };

    /// <summary>A '+' is a good check, a '-' a failed one; after each stands the verdict's first letter.</summary>
    [Theory]
    [InlineData("?", "+U")]
    [InlineData("?", "-?-?-D")]
    [InlineData("?", "-?-?+U")]
    [InlineData("U", "-U-U-D")]
    [InlineData("U", "-U-U+U-U-U-D")]
    [InlineData("D", "+D+U")]
    [InlineData("D", "+D-D+D+U")]
    [InlineData("D", "-D-D-D-D+D+U-U-U-D")]
    public void Rise_and_fall_in_a_row_decide(string first, string checks)
    {
        var verdict = new HealthState(HealthOf(first[0]));

        foreach (var pair in checks.Chunk(2))
        {
            verdict = verdict.Next(pair[0] == '+', How);
            Assert.Equal(HealthOf(pair[1]), verdict.Health);
        }
    }

    [Fact]
    public void One_is_enough_if_configured()
    {
        var hasty = new HealthConfiguration { Rise = 1, Fall = 1 };

        var down = new HealthState(BackendHealth.Up).Next(isHealthy: false, hasty);

        Assert.Equal(BackendHealth.Down, down.Health);
        Assert.Equal(BackendHealth.Up, down.Next(isHealthy: true, hasty).Health);
    }

    [Theory]
    [InlineData('U', false, false)]
    [InlineData('D', false, true)]
    [InlineData('?', false, true)]
    [InlineData('?', true, false)]
    public void Only_a_down_or_new_backend_is_excluded(char health, bool isTrusted, bool isLeftOut) =>
        Assert.Equal(isLeftOut, new HealthState(HealthOf(health), isTrusted).IsExcluded);

    [Fact]
    public void Initial_trust_ends_with_the_first_state_change()
    {
        var down = new HealthState(BackendHealth.Unknown, IsTrusted: true)
            .Next(isHealthy: false, How).Next(isHealthy: false, How).Next(isHealthy: false, How);

        Assert.True(down.IsExcluded);
    }

    [Theory]
    [InlineData(0, 900)]
    [InlineData(0.5, 1000)]
    [InlineData(1, 1100)]
    public void Intervals_vary_by_a_tenth(double roll, int milliseconds) =>
        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), HealthProbe.Jittered(TimeSpan.FromSeconds(1), roll));

    static BackendHealth HealthOf(char letter) => letter switch
    {
        '?' => BackendHealth.Unknown,
        'U' => BackendHealth.Up,
        _ => BackendHealth.Down,
    };
}
