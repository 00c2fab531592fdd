/// Everything that is wrong with a manifest, all at once.
public struct ManifestError: Error, Sendable, Hashable, CustomStringConvertible {
    /// One thing that is wrong.
    public struct Problem: Sendable, Hashable, CustomStringConvertible {
        /// Counts from 1.
        public let line: Int
        /// The field, as "resources.memory" or "secrets.required[1].scope"; empty for the whole document.
        public let path: String
        /// What is wrong and what is expected.
        public let message: String

        public init(line: Int, path: String, message: String) {
            self.line = line
            self.path = path
            self.message = message
        }

        public var description: String {
            path.isEmpty ? "line \(line): \(message)" : "line \(line): \(path): \(message)"
        }
    }

    /// What the caller named as the origin of the text.
    public let source: String
    /// In the order of the lines; never empty.
    public let problems: [Problem]

    public init(source: String, problems: [Problem]) {
        self.source = source
        self.problems = problems
    }

    public var description: String {
        problems.map { "\(source): \($0)" }.joined(separator: "\n")
    }
}
