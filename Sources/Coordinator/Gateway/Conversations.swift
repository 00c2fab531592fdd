// Every turn of every agent, on disk before the guest sees its end. A guest that dies resumes from here.
import Glibc
public import Kit
import Synchronization
import System

/// The transcripts of one session: a file a task, a JSON line a turn.
///
/// A line holds what is new: how many messages of the conversation so far stay, what the request added, and
/// the answer. So a turn costs what it adds, and an agent that shortens its history starts over in the same
/// file.
public final class Conversations: Sendable {
    /// What was cut off is told by this text; scripts and agents look for it.
    public static let interruption = "interrupted, may have run"

    private struct State {
        /// Digests of the messages of each conversation, as far as it is on disk.
        var digests: [String: [[UInt8]]] = [:]
    }

    private let directory: String
    private let state = Mutex(State())

    /// - Parameter directory: Made when it is missing.
    public init(directory: String) throws(GatewayError) {
        self.directory = directory
        do throws(SystemError) {
            try Files.makeDirectories(directory, mode: 0o700)
        } catch {
            throw .conversations(directory: directory, reason: "\(error)")
        }
    }

    /// Adds a turn.
    /// - Parameters:
    ///   - task: Calls outside of tasks are kept by agent.
    ///   - thread: Of a program with several conversations at once; each has a file of its own, and the main
    ///     one (nil) is the one that a later guest goes on with.
    ///   - model: That gave the answer; it stays that of the conversation.
    ///   - messages: Of the request.
    ///   - response: The assistant's message: `{"role": "assistant", "content": […]}`.
    ///   - notes: What was left out or changed of the request, in sentences.
    public func record(
        task: String?, agent: String, thread: String? = nil, model: String = "", messages: [JSON],
        response: JSON, notes: [String] = [], atMilliseconds now: Int64
    ) throws(GatewayError) {
        let path = path(task: task, agent: agent, thread: thread)
        let messages = messages.map(Conversations.canonical)
        let response = Conversations.canonical(response)
        let digests = Conversations.digests(messages + [response])
        try state.withLock { (state) throws(GatewayError) in
            // Under the lock: two calls of one task at the same time must not write between each other's
            // lines.
            let known =
                if let digests = state.digests[path] { digests } else {
                    Conversations.digests(try Conversations.read(path))
                }
            let kept = zip(known, digests.dropLast()).prefix { $0 == $1 }.count
            var line: JSON = [
                "at": JSON(now), "agent": .string(agent), "model": .string(model), "keep": JSON(kept),
                "add": .array(Array(messages[kept...])), "response": response,
            ]
            if !notes.isEmpty { line["notes"] = .array(notes.map { .string($0) }) }
            let isFirst = state.digests.updateValue(digests, forKey: path) == nil
            do throws(SystemError) {
                try Conversations.append(line, to: path, isFirst: isFirst)
            } catch {
                // How much of the line is there is not known; the file is read again next time.
                state.digests[path] = nil
                throw .conversations(directory: directory, reason: "\(error)")
            }
        }
    }

    /// The conversation of a task up to its last complete answer; empty when there is none.
    /// - Returns: `interrupted` tells that calls of that answer have no results.
    public func messages(
        task: String?, agent: String = ""
    ) throws(GatewayError) -> (messages: [JSON], interrupted: Bool) {
        let path = path(task: task, agent: agent)
        let messages = try state.withLock { (_) throws(GatewayError) in try Conversations.read(path) }
        let isOpen = messages.last.map { !Conversations.openCalls(of: $0, answeredBy: nil).isEmpty } ?? false
        return (messages, isOpen)
    }

    /// The model that gave a task's last answer; nil when there is none.
    func model(task: String?, agent: String) -> String? {
        let path = path(task: task, agent: agent)
        let bytes = state.withLock { _ in try? Files.read(path) }
        guard let last = bytes?.split(separator: 0x0A).last, let turn = try? JSON.parse(Array(last)) else {
            return nil
        }
        return turn["model"]?.stringValue.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Gives every tool call without a result one that says that it was interrupted, because the provider
    /// refuses a conversation with open calls. Calls in the middle count too.
    public static func closeOpenCalls(_ messages: [JSON]) -> [JSON] {
        var closed: [JSON] = []
        for (index, message) in messages.enumerated() {
            let previous: JSON? = index > 0 ? messages[index - 1] : nil
            let open =
                message["role"] == "user" ? previous.map { openCalls(of: $0, answeredBy: message) } ?? [] : []
            // Results stand before what the user said, in one message with it.
            closed.append(
                open.isEmpty ? message : ["role": "user", "content": .array(open + blocks(message))])
            let next: JSON? = messages.indices.contains(index + 1) ? messages[index + 1] : nil
            guard next?["role"] != "user" else { continue }
            let unanswered = openCalls(of: message, answeredBy: nil)
            if !unanswered.isEmpty { closed.append(["role": "user", "content": .array(unanswered)]) }
        }
        return closed
    }

    /// Results for the calls of an assistant's message that the next message does not answer.
    private static func openCalls(of message: JSON, answeredBy next: JSON?) -> [JSON] {
        guard message["role"] == "assistant" else { return [] }
        let answered = Set((next.map(blocks) ?? []).compactMap { $0["tool_use_id"]?.stringValue })
        let calls = blocks(message).filter { $0["type"] == "tool_use" }.compactMap { $0["id"]?.stringValue }
        return calls.filter { !answered.contains($0) }.map { call in
            [
                "type": "tool_result", "tool_use_id": .string(call), "is_error": true,
                "content": .string(interruption),
            ]
        }
    }

    private static func blocks(_ message: JSON) -> [JSON] {
        switch message["content"] {
        case .array(let blocks): blocks
        case .string(let text): [["type": "text", "text": .string(text)]]
        default: []
        }
    }

    /// Without the marks for the provider's cache, which move from turn to turn.
    static func canonical(_ message: JSON) -> JSON {
        var result: JSON = ["role": message["role"] ?? "user", "content": message["content"] ?? nil]
        if let blocks = message["content"]?.arrayValue {
            result["content"] = .array(
                blocks.map { block in
                    var block = block
                    if block["cache_control"] != nil { block["cache_control"] = nil }
                    return block
                })
        }
        return result
    }

    private static func digests(_ messages: [JSON]) -> [[UInt8]] {
        messages.map { Digest.blake2b($0.serialized()) }
    }

    // MARK: Files

    /// Names come from a journal of ours; whatever else comes cannot leave the directory.
    private func path(task: String?, agent: String, thread: String? = nil) -> String {
        let name = (task ?? "agent-\(agent)") + (thread.map { ".\($0)" } ?? "")
        let isPlain =
            !name.hasPrefix(".") && (1...100).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || "-_.".utf8.contains(byte)
            }
        return "\(directory)/\(isPlain ? name : Digest.sha256Hex(Array(name.utf8))).jsonl"
    }

    /// - Parameter isFirst: Since the start of this process; a crash may have cut the last line.
    private static func append(_ line: JSON, to path: String, isFirst: Bool) throws(SystemError) {
        var bytes = line.serialized() + [0x0A]
        if isFirst, Files.exists(path), let last = try Files.read(path).last, last != 0x0A {
            bytes.insert(0x0A, at: 0)
        }
        let file = try Files.open(path, O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
        try IO.writeAll(file.raw, bytes)
        guard fsync(file.raw) == 0 else { throw SystemError(call: "fsync", operand: path, code: errno) }
    }

    /// What cannot be read is a line that a crash cut; nobody was told that it is there.
    private static func read(_ path: String) throws(GatewayError) -> [JSON] {
        guard Files.exists(path) else { return [] }
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try Files.read(path)
        } catch {
            throw .conversations(directory: Files.parent(of: path), reason: "\(error)")
        }
        var messages: [JSON] = []
        for line in bytes.split(separator: 0x0A) {
            guard let turn = try? JSON.parse(Array(line)), let kept = turn["keep"]?.intValue,
                let added = turn["add"]?.arrayValue, let response = turn["response"], kept >= 0
            else { continue }
            messages = Array(messages.prefix(kept)) + added + [response]
        }
        return messages
    }
}
