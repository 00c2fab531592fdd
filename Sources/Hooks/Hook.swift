// The frame of every hook: one JSON document in, one out, an exit code (design, section 4). Each hook is a
// function from input to answer; the programs in `Commands` only connect it to the process.

import Kit

/// The hooks that a kit may have.
public enum Hook: String, Sendable, CaseIterable {
    case renderEnv = "render_env"
    case validateConfig = "validate_config"
    case onPublish = "on_publish"

    /// The version of the wire form.
    public static let api = "aegis.kit/v1"
    /// The longest input in bytes.
    public static let inputLimit = 1 << 20

    /// What the process is to do.
    public struct Result: Sendable, Hashable {
        public let exit: Exit
        public let stdout: [UInt8]
        /// Diagnostics for people; never a value of a secret.
        public let stderr: String
    }

    /// Exit codes; 64 and 70 as in sysexits.h.
    public enum Exit: Int32, Sendable {
        case accepted = 0
        case rejected = 1
        case malformed = 64
        case failed = 70
    }

    /// Answers one input. Touches only the files that the input names, and the kit's own.
    /// - Parameter kitDirectory: Where the hook itself is installed; nil when unknown.
    public func answer(_ input: [UInt8], kitDirectory: String? = nil) -> Result {
        let problems = Problems()
        guard let document = document(input, problems) else { return problems.result(.malformed) }
        let fields = InputFields(document, path: "", problems)
        do throws(HookFailure) {
            let answer =
                switch self {
                case .renderEnv: RenderEnv.answer(fields, problems)
                case .validateConfig: ValidateConfig.answer(fields, problems, kitDirectory: kitDirectory)
                case .onPublish: try OnPublish.answer(fields, problems)
                }
            if let answer, problems.isEmpty {
                return Result(exit: .accepted, stdout: answer.serialized() + [0x0A], stderr: "")
            }
            return problems.result(problems.hasMalformed ? .malformed : .rejected)
        } catch {
            return Result(
                exit: .failed, stdout: Problems.output([]), stderr: "\(rawValue): \(error.message)\n")
        }
    }

    private func document(_ input: [UInt8], _ problems: Problems) -> [String: JSON]? {
        guard input.count <= Self.inputLimit else {
            problems.malformed("", "too_large", "the input is larger than \(Self.inputLimit) bytes")
            return nil
        }
        let document: JSON
        do throws(JSONError) {
            document = try JSON.parse(input, limits: JSON.Limits(depth: 32, bytes: Self.inputLimit))
        } catch {
            // The reason may quote the input, which holds secrets; the place is enough.
            problems.malformed("", "not_json", "the input is no JSON document; byte \(error.offset) is wrong")
            return nil
        }
        guard let members = document.objectValue else {
            problems.malformed("", "wrong_type", "the input is no object")
            return nil
        }
        if members["api"] != .string(Self.api) {
            problems.malformed("/api", "wrong_api", "expected \"\(Self.api)\"")
        }
        if members["hook"] != .string(rawValue) {
            problems.malformed("/hook", "wrong_hook", "expected \"\(rawValue)\"")
        }
        return problems.isEmpty ? members : nil
    }
}

/// What a hook could not do though its input was right: exit 70.
struct HookFailure: Error {
    let message: String
}

/// Everything that is wrong with one input. Lives and dies inside one `Hook.answer`.
final class Problems {
    private var list: [JSON] = []
    private var lines: [String] = []
    private(set) var hasMalformed = false

    var isEmpty: Bool { list.isEmpty }

    /// The input has not the shape of the hook's contract.
    func malformed(_ path: String, _ code: String, _ message: String) {
        hasMalformed = true
        rejected(path, code, message)
    }

    /// The input is understood and not acceptable.
    /// - Parameter path: A JSON pointer (RFC 6901).
    func rejected(_ path: String, _ code: String, _ message: String) {
        list.append(["path": .string(path), "code": .string(code), "message": .string(message)])
        lines.append("\(path.isEmpty ? "/" : path): \(message)")
    }

    func result(_ exit: Hook.Exit) -> Hook.Result {
        Hook.Result(exit: exit, stdout: Self.output(list), stderr: lines.map { $0 + "\n" }.joined())
    }

    static func output(_ errors: [JSON]) -> [UInt8] {
        JSON.object(["ok": false, "errors": .array(errors)]).serialized() + [0x0A]
    }
}
