namespace EbpfLb.Lab;

/// <summary>The lab could not do what a spec asked of it, as one sentence and what was printed on the way.</summary>
sealed class LabException(string message, Exception? cause = null) : Exception(message, cause);
