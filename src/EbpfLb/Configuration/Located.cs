namespace EbpfLb.Configuration;

/// <summary>A value of the configuration and where it was written.</summary>
sealed record Located<T>(SourceLocation Location, T Value)
{
    /// <summary>An error about this value.</summary>
    /// <param name="problem">What is wrong; continues the value as a sentence.</param>
    /// <param name="remedy">What to do about it, as a sentence without the full stop.</param>
    public ConfigurationError Error(string problem, string remedy) => new(Location, $"{Value}", problem, remedy);

    /// <summary>An error about this value.</summary>
    public ConfigurationError Error(SyntaxError error) => Error(error.Problem, error.Remedy);
}
