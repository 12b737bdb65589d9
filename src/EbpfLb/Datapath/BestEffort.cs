namespace EbpfLb.Datapath;

/// <summary>Runs a step for each of several objects, also after it failed for one.</summary>
static class BestEffort
{
    /// <returns>The results, and the errors with their remedies.</returns>
    public static (List<TResult> Results, List<string> Errors) Run<T, TResult>(IEnumerable<T> objects, Func<T, TResult> step)
    {
        var (results, errors) = (new List<TResult>(), new List<string>());
        foreach (var item in objects)
        {
            try
            {
                results.Add(step(item));
            }
            catch (LoadBalancerException error)
            {
                errors.Add(error.Explain());
            }
        }
        return (results, errors);
    }

    /// <returns>The sum of the results.</returns>
    /// <exception cref="LoadBalancerException">The step failed for some; the message has all errors.</exception>
    public static int Sum<T>(IEnumerable<T> objects, Func<T, int> step)
    {
        var (results, errors) = Run(objects, step);
        return errors.Count == 0 ? results.Sum() : throw new LoadBalancerException(string.Join(' ', errors));
    }
}
