using EbpfLb.Instances;

namespace EbpfLb.Unit.Instances;

public sealed class OneRunnerForAnInterface
{
    readonly string _name = $"test{Random.Shared.Next():x}";

    [Fact]
    public void Whoever_comes_second_is_told()
    {
        using var first = InstanceLock.TryTake(_name);

        Assert.NotNull(first);
        Assert.Null(InstanceLock.TryTake(_name));
    }

    [Fact]
    public void Others_see_whether_it_is_held()
    {
        Assert.False(InstanceLock.IsHeld(_name));
        using (InstanceLock.TryTake(_name + "0"))
        using (InstanceLock.TryTake(_name))
        {
            Assert.True(InstanceLock.IsHeld(_name));
            Assert.False(InstanceLock.IsHeld(_name[1..]));
        }
        Assert.False(InstanceLock.IsHeld(_name));
    }
}
