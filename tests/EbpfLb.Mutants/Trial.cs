namespace EbpfLb.Mutants;

/// <summary>What became of a fault.</summary>
enum Outcome
{
    /// <summary>A test failed.</summary>
    Caught,

    /// <summary>No test failed, though one should.</summary>
    Survived,

    /// <summary>No test failed, and the list says why none can.</summary>
    Equivalent,

    /// <summary>The compiler or the kernel's verifier did not take it: it says nothing of the tests.</summary>
    Refused,
}

/// <summary>The outcome of one fault, with the test that failed, or the reason.</summary>
sealed record Verdict(Outcome Outcome, string By, string Why);

/// <summary>Tries faults: the nearest tests first, then wider ones, until one fails.</summary>
/// <param name="copy">Where they are put in.</param>
/// <param name="onlyNearest">Whether to be content with the nearest tests.</param>
/// <param name="withSpecs">Whether E2E specs are asked too.</param>
sealed class Trial(WorkingCopy copy, bool onlyNearest, bool withSpecs)
{
    static readonly TimeSpan Nearest = TimeSpan.FromMinutes(4);
    static readonly TimeSpan Widest = TimeSpan.FromMinutes(20);

    /// <summary>Loads every program; where this fails the verifier has refused one.</summary>
    const string LoadTest = "VerifierAcceptsEveryProgram";

    static readonly string[] DatapathTests = ["-namespace", "EbpfLb.Unit.Datapath*", "-namespace", "EbpfLb.Unit.Model*"];
    static readonly string[] ControlPlaneTests = ["-namespace-", "EbpfLb.Unit.Datapath*", "-namespace-", "EbpfLb.Unit.Model*"];

    readonly TestSuite _units = new(copy.Root, "EbpfLb.Unit");
    readonly TestSuite _specs = new(copy.Root, "EbpfLb.E2E");

    /// <summary>Builds what the tests run.</summary>
    /// <exception cref="InvalidDataException">That fails without any fault.</exception>
    public void Build()
    {
        if (_units.Build() is { } error)
            throw new InvalidDataException($"without a fault the build fails: {error}");
    }

    /// <summary>Without any fault the nearest tests must pass, and each named class must have some.</summary>
    /// <exception cref="InvalidDataException">They do not, or one has none.</exception>
    public void CheckTests(IReadOnlyList<Fault> faults)
    {
        string[] classes = [.. faults.SelectMany(fault => fault.Tests).Append(LoadTest).Distinct().Order(StringComparer.Ordinal)];
        var result = _units.Run(Widest, ClassFilters(classes));
        foreach (var (test, why) in result.Failures.Where(failure => Confirm(failure.Test)))
            throw new InvalidDataException($"without a fault {test} fails: {why}");
        if (classes.FirstOrDefault(name => !result.Ran.ContainsKey(name)) is { } missing)
            throw new InvalidDataException($"no test class is named {missing}, which the lists name. Adapt `tests` to the names of now.");
    }

    /// <summary>Puts a fault in, builds, tests, and takes it out again.</summary>
    public Verdict Try(Fault fault)
    {
        using var put = copy.Put(fault);
        if (_units.BuildBalancer() is { } error)
            return new(Outcome.Refused, "the compiler", error);
        foreach (var (limit, filters, isNearest) in Tiers(fault))
        {
            var result = _units.Run(limit, ["-stopOnFail", .. filters]);
            if (result.Failed is not { } failed)
                continue;
            if (!(isNearest && fault.IsOfDatapath) && !Confirm(failed))
            {
                // The run ended at a test that fails for another reason: what would the others have said?
                result = _units.Run(limit, filters);
                failed = result.Failures.Select(failure => failure.Test).FirstOrDefault(Confirm);
                if (failed is null)
                    continue;
            }
            if (fault.IsOfDatapath && _units.Run(Nearest, ClassFilters([LoadTest])) is { Failed: not null } refusal)
                return new(Outcome.Refused, "the verifier", refusal.Why);
            return new(Outcome.Caught, failed, result.Failures.First(failure => failure.Test == failed).Why);
        }
        if (withSpecs && fault.Specs.Count > 0 && _specs.Build() is null
            && _specs.Run(Widest, ClassFilters([.. fault.Specs])) is { Failed: { } spec } seen)
            return new(Outcome.Caught, spec, seen.Why);
        return fault.Equivalent is { } reason ? new(Outcome.Equivalent, "", reason) : new(Outcome.Survived, "", fault.What);
    }

    IEnumerable<(TimeSpan Limit, string[] Filters, bool IsNearest)> Tiers(Fault fault)
    {
        yield return (Nearest, ClassFilters([.. fault.Tests]), true);
        // What nothing can notice is tried with the nearest tests alone: should one fail, the reason is wrong.
        if (onlyNearest || fault.Equivalent is not null)
            yield break;
        yield return (Widest, fault.IsOfDatapath ? DatapathTests : ControlPlaneTests, false);
        yield return (Widest, fault.IsOfDatapath ? ControlPlaneTests : DatapathTests, false);
    }

    /// <summary>
    /// Of many tests, and of those that wait for something, one may fail for another reason: does it fail again, alone?
    /// </summary>
    bool Confirm(string test) => !test.Contains('.', StringComparison.Ordinal) || _units.Run(Nearest, "-method", test.Split('(')[0]).Failed is not null;

    static string[] ClassFilters(string[] classes) => [.. classes.SelectMany(name => new[] { "-class", $"*.{name}" })];
}
