import Journal
import Kit

/// What the coordinator says on the channel; `docs/PROTOCOLS.md` has the list.
enum ServerFrame {
    static func hello(session: String, head: Int64, base: Int64) -> String {
        (["k": "hello", "session": .string(session), "head": JSON(head), "base": JSON(base)] as JSON).text
    }

    static func events(_ lines: [JournalLine]) -> String { String(decoding: document(lines), as: UTF8.self) }

    /// The lines are JSON already, so they are joined and not read again.
    static func document(_ lines: [JournalLine]) -> [UInt8] {
        var bytes = Array(#"{"e":["#.utf8)
        bytes.reserveCapacity(lines.reduce(32) { $0 + $1.bytes.count + 1 })
        for (index, line) in lines.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes += line.bytes
        }
        bytes += Array(#"],"k":"ev"}"#.utf8)
        return bytes
    }

    static func heartbeat(head: Int64, at: Int64) -> String {
        (["k": "hb", "head": JSON(head), "at": JSON(at)] as JSON).text
    }

    static func lag(resume: Int64) -> String { (["k": "lag", "resume": JSON(resume)] as JSON).text }

    static func bye(code: String, message: String) -> String {
        (["k": "bye", "code": .string(code), "message": .string(message)] as JSON).text
    }

    static func log(agent: String, instance: String, _ entries: [LogEntry]) -> String {
        ([
            "k": "log", "agent": .string(agent), "instance": .string(instance),
            "l": .array(entries.map(\.json)),
        ] as JSON).text
    }
}

/// What a client may say.
enum ClientFrame: Sendable, Hashable {
    /// The first one. Who `takesSnapshot` is not sent all of a long past.
    case hello(token: String, after: Int64, takesSnapshot: Bool)
    case logs(agent: String, isOn: Bool, after: Int64)
    /// Of a newer client; skipped.
    case unknown

    init(hello text: String) throws(ChannelError) {
        let json = try ClientFrame.parse(text)
        guard let token = json["token"]?.stringValue, !token.isEmpty else {
            throw ChannelError(401, "unauthorized", "the first frame is {\"token\":…,\"after\":N}")
        }
        let after = json["after"] == nil ? 0 : json["after"]?.int64Value
        guard let after, after >= 0 else {
            throw ChannelError(400, "bad_frame", "`after` is the number of an event, or 0")
        }
        self = .hello(token: token, after: after, takesSnapshot: json["snapshot"]?.boolValue ?? true)
    }

    init(_ text: String) throws(ChannelError) {
        let json = try ClientFrame.parse(text)
        guard json["k"]?.stringValue == "logs" else {
            self = .unknown
            return
        }
        guard let agent = json["agent"]?.stringValue, let isOn = json["on"]?.boolValue else {
            throw ChannelError(400, "bad_frame", "a logs frame is {\"k\":\"logs\",\"agent\":A,\"on\":true}")
        }
        self = .logs(agent: agent, isOn: isOn, after: max(0, json["after"]?.int64Value ?? 0))
    }

    private static func parse(_ text: String) throws(ChannelError) -> JSON {
        do throws(JSONError) {
            let json = try JSON.parse(text, limits: JSON.Limits(depth: 4, bytes: Limits.clientFrameBytes))
            guard json.objectValue != nil else { throw JSONError(offset: 0, reason: "no object") }
            return json
        } catch {
            throw ChannelError(400, "bad_frame", "a frame is one JSON object: \(error)")
        }
    }
}
