// Servers of the Model Context Protocol that agents of a role may use: what a role's `mcp` section and a
// repository's .mcp.json say, and how it travels to a guest.

/// One server of tools, by its name. What it may do is what the role's sandbox may do.
public struct MCPServerSpec: Sendable, Hashable {
    /// How it is talked to.
    public enum Transport: Sendable, Hashable {
        /// A program of the guest: messages are lines on its standard input and output.
        case stdio(command: [String], environment: [String: String])
        /// Streamable HTTP at an address.
        case http(url: String, headers: [String: String])
        /// None: a repository names it in a way that is not understood, for this reason. It is said where the
        /// others are started, and costs only itself.
        case unusable(reason: String)
    }

    /// Small letters, digits and dashes; tools are called `mcp__NAME__TOOL`.
    public var name: String
    public var transport: Transport
    /// Secrets of the host's secrets.yaml: variables of a program, by their own names.
    public var secrets: [String]
    /// The secret that is sent as `Authorization: Bearer`.
    public var bearer: String?
    /// Only these of its tools; nil means all.
    public var tools: [String]?
    /// How long a call may be silent: every report of progress starts it anew.
    public var timeoutMilliseconds: Int

    /// Every secret that it wants, by name.
    public var secretNames: [String] { secrets + (bearer.map { [$0] } ?? []) }

    /// Why it cannot be used; nil when it can.
    public var problem: String? {
        guard case .unusable(let reason) = transport else { return nil }
        return reason
    }

    /// A server without secrets, with all its tools.
    public init(name: String, transport: Transport) {
        (self.name, self.transport) = (name, transport)
        (secrets, timeoutMilliseconds) = ([], MCPServerLimits.callMilliseconds)
    }

    /// The address of an HTTP server: host in lower case, and port.
    public var authority: (host: String, port: UInt16)? {
        guard case .http(let url, _) = transport else { return nil }
        return Self.authority(of: url)
    }

    /// Nil when the text is no plain http or https address.
    static func authority(of url: String) -> (host: String, port: UInt16)? {
        let isSecure = url.hasPrefix("https://")
        guard isSecure || url.hasPrefix("http://"), url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            return nil
        }
        guard !url.contains("#"), !url.contains("\\") else { return nil }
        let text = url.dropFirst(isSecure ? 8 : 7).prefix { !"/?".contains($0) }
        return try? ProxyRequest.authority(text, defaultPort: isSecure ? 443 : 80)
    }

    /// As it travels in a guest document; `init(_:)` reads it.
    public var json: JSON {
        var json: JSON = ["name": .string(name), "timeout_ms": JSON(timeoutMilliseconds)]
        switch transport {
        case .stdio(let command, let environment):
            json["command"] = JSON(command)
            json["env"] = .object(environment.mapValues { .string($0) })
            json["secrets"] = JSON(secrets)
        case .http(let url, let headers):
            json["url"] = .string(url)
            json["headers"] = .object(headers.mapValues { .string($0) })
            json["bearer"] = bearer.map { .string($0) }
        case .unusable(let reason): json["problem"] = .string(reason)
        }
        json["tools"] = tools.map { JSON($0) }
        return json
    }

    /// Nil when it is none: a guest document is made by us.
    public init?(_ json: JSON) {
        guard let name = json["name"]?.stringValue else { return nil }
        if let reason = json["problem"]?.stringValue {
            self.init(name: name, transport: .unusable(reason: reason))
            return
        }
        var reader = MCPServerReader(name: name, form: .document)
        var members = json.objectValue ?? [:]
        members["name"] = nil
        guard let spec = reader.read(.object(members)), reader.problems.isEmpty else { return nil }
        self = spec
    }
}

/// Bounds of what may be asked for.
public enum MCPServerLimits {
    /// Servers of one role: each is a process and a list of tools in every prompt.
    public static let servers = 16
    /// How long a call may be silent when nothing is said, in milliseconds.
    public static let callMilliseconds = 60_000
    /// The longest that may be asked for, in milliseconds: as long as a command may take.
    public static let longestCallMilliseconds = 600_000
    /// Words of a command, variables, headers, tools.
    static let entries = 64
    /// Of one text, in bytes.
    static let textBytes = 4096
}
