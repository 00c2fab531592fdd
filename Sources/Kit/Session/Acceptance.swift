// What a plan demands of its tasks in commands, and what a gate found.

/// A command that must end with 0 on the tree that a task was merged into, and on every tree after it.
public struct TaskCheck: Sendable, Hashable, Codable {
    public var task: String
    public var command: String

    public init(task: String, command: String) { (self.task, self.command) = (task, command) }
}

/// Tests by number, as a gate's guest left them: JUnit reports where there were any, else what was printed.
/// They inform people; the exit code is what counts.
public struct GateTests: Sendable, Hashable, Codable {
    /// A JUnit report, kept with the session as the tests wrote it.
    public struct File: Sendable, Hashable, Codable {
        public var name: String
        public var bytes: Int
        public var sha256: String

        public init(name: String, bytes: Int, sha256: String) {
            (self.name, self.bytes, self.sha256) = (name, bytes, sha256)
        }
    }

    /// `junit`, or the program whose output was read.
    public var format: String
    public var passed: Int
    public var failed: Int
    public var skipped: Int
    public var files: [File]

    public init(format: String, passed: Int, failed: Int, skipped: Int, files: [File]) {
        (self.format, self.passed, self.failed) = (format, passed, failed)
        (self.skipped, self.files) = (skipped, files)
    }
}

/// A role that can do tasks of a plan, as an architect is told of it.
public struct RoleOffer: Sendable, Hashable, Codable {
    public var name: String
    public var description: String

    public init(name: String, description: String) { (self.name, self.description) = (name, description) }
}
