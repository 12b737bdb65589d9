using EbpfLb.Examples.Testcontainers;
using EbpfLb.Lab.Engine;

[assembly: AssemblyFixture(typeof(Engine))]

namespace EbpfLb.Examples.Testcontainers;

/// <summary>
/// Builds the images from this repository, and takes away what a killed run left. A project of your own does without it
/// where `make lab` has left the image and the engine is as new as Testcontainers wants it.
/// </summary>
public sealed class Engine : LabEngine, IAsyncLifetime;
