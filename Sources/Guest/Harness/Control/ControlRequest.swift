// What the host may ask for, both generations of the control protocol.
import Kit
import Wire

/// A request of the host, checked.
enum ControlRequest: Sendable, Hashable {
    /// A program to start.
    struct Program: Sendable, Hashable {
        var command: [String]
        var environment: [String: String] = [:]
        var workingDirectory: String?
        /// As the agent's user instead of root.
        var asAgent = false
    }

    /// A name in /etc/hosts.
    struct Host: Sendable, Hashable {
        var address: String
        var name: String
    }

    case configure(JSON)
    case setHosts([Host])
    case setClock(milliseconds: Int64)
    case injectSecrets([String: String])
    case run(Program)
    case exec(id: String, Program, timeoutMilliseconds: Int64?, sandbox: JSON?)
    case runTask(Program, sandbox: JSON?)
    case startServer(Program, port: UInt16)
    case health
    case listPorts
    case shutdown(graceMilliseconds: Int64)

    /// Checks a request. Unknown methods are -32601, wrong parameters -32602, with the real platform's words.
    init(method: String, params: JSON) throws(JSONRPCError) {
        switch method {
        case "configure": self = .configure(params)
        case "setHosts": self = .setHosts(try Self.hosts(params))
        case "setClock":
            guard let time = params["clock_ms"]?.int64Value else {
                throw .invalidParams("clock_ms is required")
            }
            self = .setClock(milliseconds: time)
        case "injectSecrets":
            guard let secrets = params["secrets"]?.objectValue else {
                throw .invalidParams("secrets is required")
            }
            self = .injectSecrets(secrets.compactMapValues(\.stringValue))
        case "run": self = .run(try Self.program(params))
        case "exec":
            guard let id = params["exec_id"]?.stringValue, !id.isEmpty else {
                throw .invalidParams("exec_id is required")
            }
            self = .exec(
                id: id, try Self.program(params),
                timeoutMilliseconds: params["timeout_ms"]?.int64Value.map {
                    min(max(0, $0), Limits.toolSessionMilliseconds)
                }, sandbox: Self.policy(params))
        case "runTask": self = .runTask(try Self.program(params), sandbox: Self.policy(params))
        case "startServer":
            let program = try Self.program(params)
            guard let port = params["readiness_port"]?.intValue.flatMap({ UInt16(exactly: $0) }), port > 0
            else {
                throw .invalidParams("readiness_port is required")
            }
            self = .startServer(program, port: port)
        case "health": self = .health
        case "listPorts": self = .listPorts
        case "shutdown":
            self = .shutdown(
                graceMilliseconds: params["grace_ms"]?.int64Value ?? Limits.graceMilliseconds)
        default:
            throw JSONRPCError(code: JSONRPCError.methodNotFoundCode, message: "method not found: \(method)")
        }
    }

    private static func policy(_ params: JSON) -> JSON? {
        guard let policy = params["sandbox"], !policy.isNull else { return nil }
        return policy
    }

    private static func program(_ params: JSON) throws(JSONRPCError) -> Program {
        let words = params["command"]?.arrayValue ?? []
        let command = words.compactMap(\.stringValue)
        guard !command.isEmpty, command.count == words.count, command[0] != "" else {
            throw .invalidParams("command is required")
        }
        return Program(
            command: command,
            environment: (params["env"]?.objectValue ?? [:]).compactMapValues(\.stringValue),
            workingDirectory: params["workdir"]?.stringValue.flatMap { $0.isEmpty ? nil : $0 },
            asAgent: params["run_as"]?.stringValue == "agent")
    }

    /// Names and addresses; anything that could break out of its line is refused.
    static func hosts(_ params: JSON) throws(JSONRPCError) -> [Host] {
        guard let list = params["hosts"]?.arrayValue else { throw .invalidParams("hosts is required") }
        var hosts: [Host] = []
        for entry in list {
            guard let address = entry[0]?.stringValue, let name = entry[1]?.stringValue, isWord(address),
                isWord(name)
            else { throw .invalidParams("a host is [address, name]") }
            hosts.append(Host(address: address, name: name))
        }
        return hosts
    }

    private static func isWord(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                switch $0 {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: ":"),
                    UInt8(ascii: "-"),
                    UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }

    /// A message of the host, read leniently: the real platform sends `params: null`, and not always a
    /// version.
    static func message(_ line: [UInt8]) throws(JSONRPCError) -> JSONRPCMessage? {
        let json: JSON
        do throws(JSONError) { json = try JSON.parse(line) } catch {
            // The real platform logs and skips what is no JSON; so do we.
            return nil
        }
        guard case .object(var members) = json else { return nil }
        members["jsonrpc"] = "2.0"
        if members["params"]?.isNull == true { members["params"] = nil }
        if members["id"]?.isNull == true { members["id"] = nil }
        if members["method"] == nil { return nil }
        return try JSONRPCMessage(.object(members))
    }
}
