import Glibc
import Kit
import System

/// One call of a file tool, inside the sandbox: JSON on stdin, JSON on stdout. What it may touch, the
/// kernel says.
enum ToolProgram {
    /// What a tool says to the model when it cannot do what was asked.
    struct Problem: Error {
        let text: String
        /// What the file system refused, if that is what it is about.
        let refusal: SystemError?

        init(_ text: String, refusal: SystemError? = nil) {
            self.text = text
            self.refusal = refusal.flatMap { Self.refusals.contains($0.code) ? $0 : nil }
        }

        /// No permission, a read-only mount, and a path that leads out of its root.
        private static let refusals: Set<Int32> = [EACCES, EPERM, EROFS, EXDEV]

        /// What a call is answered with that came to this.
        var answer: JSON {
            var answer: JSON = ["content": .string(text), "is_error": true]
            answer["refused"] = refused
            return answer
        }

        /// For the journal: this is the one place where a refusal of a file is seen with its path.
        var refused: JSON? {
            refusal.map {
                ["path": .string($0.operand), "call": .string($0.call), "errno": .string($0.name)]
            }
        }
    }

    static func main(_ name: String) -> Int32 {
        switch name {
        case "serve": return ToolServer.main()
        case "mcp": return MCPHost.main()
        case "tests": return TestRun.main()
        case "languages": return LanguageDesk.main()
        case "program": return ProgramHost.main()
        default: return once(name)
        }
    }

    private static func once(_ name: String) -> Int32 {
        var answer: JSON
        do throws(Problem) {
            let bytes = try system("read the input") { () throws(SystemError) in
                try IO.readAll(0, limit: 16 << 20)
            }
            guard let input = try? JSON.parse(bytes), input.objectValue != nil else {
                throw Problem("The input is no JSON object.")
            }
            answer = ["content": try run(name, input), "is_error": false]
        } catch {
            answer = error.answer
        }
        try? IO.writeAll(1, answer.serialized())
        return 0
    }

    /// The tools that need nothing but the file system.
    static func run(_ name: String, _ input: JSON) throws(Problem) -> JSON {
        switch name {
        case "read": return try FileTools.read(input)
        case "write": return .string(try FileTools.write(input))
        case "edit": return .string(try EditTool.edit(input))
        case "patch": return .string(try PatchTool.patch(input))
        case "glob": return .string(try SearchTools.glob(input))
        case "grep": return .string(try SearchTools.grep(input))
        case "instructions": return try Instructions.read(input)
        default: throw Problem("There is no tool \(name).")
        }
    }

    static func text(_ input: JSON, _ field: String) throws(Problem) -> String {
        guard let text = input[field]?.stringValue else {
            throw Problem("`\(field)` is missing; it is a text.")
        }
        return text
    }

    static func path(_ input: JSON, _ field: String = "file_path") throws(Problem) -> String {
        let path = try text(input, field)
        guard !path.isEmpty, !path.utf8.contains(0) else { throw Problem("`\(field)` is no path.") }
        return path
    }

    static func system<Value>(_ what: String, _ body: () throws(SystemError) -> Value) throws(Problem)
        -> Value
    {
        do throws(SystemError) {
            return try body()
        } catch {
            throw Problem("Cannot \(what): \(error)", refusal: error)
        }
    }
}
