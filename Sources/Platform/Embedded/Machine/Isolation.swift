// The kinds of guests that there are.

/// What is between a guest and its host.
public enum Isolation: String, Sendable, Hashable, CaseIterable {
    /// Kernel namespaces.
    case namespace
    /// A virtual machine that the processor runs.
    case microvm
    /// A virtual machine in software: the same, some twenty times slower, on machines that have no other.
    case emulated = "microvm-emulated"

    /// All of them, for people.
    public static let names = allCases.map(\.rawValue).joined(separator: ", ")

    public var isMachine: Bool { self != .namespace }
}
