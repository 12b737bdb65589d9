using EbpfLb.Datapath;

namespace EbpfLb.Unit.Instances;

public sealed class InterfacesAreLocked
{
    readonly string _name = $"test{Random.Shared.Next():x}";

    [Fact]
    public void Whoever_comes_second_is_told()
    {
        using var first = Take(_name);

        Assert.NotNull(first);
        Assert.Null(Take(_name));
    }

    [Fact]
    public void One_for_several_takes_them_all_or_none_and_tells_which_is_taken()
    {
        string[] three = [_name, _name + "1", _name + "2"];
        using (Take(three[1]))
        {
            Assert.Null(InstanceLock.TryAcquire(three, out var taken));
            Assert.Equal(three[1], taken);
            ChildProcess.AwaitExec();
            Assert.False(InstanceLock.IsHeld(three[0]));
        }
        ChildProcess.AwaitExec();

        using var all = InstanceLock.TryAcquire(three, out _);

        Assert.All(three, name => Assert.Null(Take(name)));
    }

    [Fact]
    public void Others_see_whether_it_is_held()
    {
        Assert.False(InstanceLock.IsHeld(_name));
        using (Take(_name + "0"))
        using (Take(_name))
        {
            Assert.True(InstanceLock.IsHeld(_name));
            Assert.False(InstanceLock.IsHeld(_name[1..]));
        }
        ChildProcess.AwaitExec();
        Assert.False(InstanceLock.IsHeld(_name));
    }

    static InstanceLock? Take(string name) => InstanceLock.TryAcquire([name], out _);
}
