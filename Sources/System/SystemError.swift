// The one error of this module and the one helper through which every system call goes.
import CSystem
import Glibc

/// A system call that failed: what was tried, on what, and the kernel's answer.
public struct SystemError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The call, for example "open".
    public var call: String
    /// What it was tried on: a path, an address, a descriptor; may be empty.
    public var operand: String
    /// The errno value.
    public var code: Int32

    /// Makes an error of a known code.
    public init(call: String, operand: String = "", code: Int32) {
        self.call = call
        self.operand = operand
        self.code = code
    }

    /// "ENOENT", or the number when it has no name.
    public var name: String {
        guard let name = cs_error_name(code) else { return "errno \(code)" }
        return String(cString: name)
    }

    /// "open(/x): No such file or directory (ENOENT)".
    public var description: String {
        let text = cs_error_text(code).map { String(cString: $0) } ?? "unknown error"
        return operand.isEmpty ? "\(call): \(text) (\(name))" : "\(call)(\(operand)): \(text) (\(name))"
    }
}

/// Runs a system call until it is not interrupted; a negative result becomes a `SystemError`.
@discardableResult
func check<Result: SignedInteger>(
    _ call: String, _ operand: @autoclosure () -> String = "", _ body: () -> Result
) throws(SystemError) -> Result {
    while true {
        let result = body()
        if result >= 0 { return result }
        let code = cs_errno()
        if code != EINTR { throw SystemError(call: call, operand: operand(), code: code) }
    }
}
