// The one error of this module.
import Kit
import System

/// What the harness could not do: what was tried, why not, and what to do next.
struct HarnessError: Error, Sendable, CustomStringConvertible {
    var operation: String
    var reason: String
    var hint: String?

    init(_ operation: String, _ reason: String, hint: String? = nil) {
        self.operation = operation
        self.reason = reason
        self.hint = hint
    }

    init(_ operation: String, _ cause: SystemError, hint: String? = nil) {
        self.init(operation, cause.description, hint: hint)
    }

    var description: String { "\(operation): \(reason)" + (hint.map { " (\($0))" } ?? "") }
}

/// Runs system calls in the name of an operation.
func attempt<Result>(
    _ operation: @autoclosure () -> String, hint: String? = nil, _ body: () throws(SystemError) -> Result
) throws(HarnessError) -> Result {
    do throws(SystemError) {
        return try body()
    } catch {
        throw HarnessError(operation(), error, hint: hint)
    }
}
