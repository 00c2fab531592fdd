public import Kit
public import System
import Wire

/// Calls of a platform over its Unix socket. Blocking; from any thread.
public struct PlatformClient: Sendable {
    private let socket: String

    public init(socket: String) { self.socket = socket }

    private static let bootMilliseconds = 60_000

    private func send(
        _ method: String, _ path: String, _ body: JSON? = nil, timeoutMilliseconds: Int = bootMilliseconds
    ) throws(PlatformError) -> HTTPResponse {
        let request = body.map { HTTPRequest(method, path, json: $0) } ?? HTTPRequest(method, path)
        let response: HTTPResponse
        do throws(HTTPError) {
            response = try HTTPClient.send(
                request, to: .unix(socket), timeoutMilliseconds: timeoutMilliseconds)
        } catch {
            throw PlatformError(
                "no_platform", "ask the platform at \(socket): \(error)",
                hint: "openclaw platform serve starts it")
        }
        guard response.isSuccess else {
            let error = (try? response.json())?["error"]
            throw PlatformError(
                error?["code"]?.stringValue ?? "failed",
                error?["message"]?.stringValue ?? "\(method) \(path): status \(response.status)",
                hint: error?["hint"]?.stringValue ?? "")
        }
        return response
    }

    private func call(_ method: String, _ path: String, _ body: JSON? = nil) throws(PlatformError) -> JSON {
        let response = try send(method, path, body)
        return response.body.isEmpty ? [:] : (try? response.json()) ?? [:]
    }

    private func decode<Value: Decodable>(_ type: Value.Type, _ json: JSON) throws(PlatformError) -> Value {
        do throws(JSONCodingError) {
            return try JSONCoding.decode(type, from: json)
        } catch {
            throw PlatformError("protocol", "the platform's answer is not understood: \(error)")
        }
    }

    /// What the platform is and can do.
    public func status() throws(PlatformError) -> JSON { try call("GET", "/v1/status") }

    /// Makes a kit known; its manifest is checked.
    public func registerKit(path: String) throws(PlatformError) {
        _ = try call("POST", "/v1/kits/register", ["path": .string(path)])
    }

    /// Gives a secret to a scope. It is held in memory only.
    public func putSecret(scope: String, name: String, value: String) throws(PlatformError) {
        _ = try call("PUT", "/v1/secrets/\(scope)/\(name)", ["value": .string(value)])
    }

    public func deleteSecrets(scope: String) throws(PlatformError) {
        _ = try call("DELETE", "/v1/secrets/\(scope)")
    }

    /// Makes a directory of the host a volume.
    public func putVolume(_ id: String, path: String) throws(PlatformError) {
        _ = try call("PUT", "/v1/volumes/\(id)", ["path": .string(path)])
    }

    /// Forgets a volume.
    /// - Parameter purging: Removes what guests wrote, which an ordinary user cannot.
    public func deleteVolume(_ id: String, purging: Bool) throws(PlatformError) {
        _ = try call("DELETE", "/v1/volumes/\(id)\(purging ? "?purge=true" : "")")
    }

    /// Makes a network group.
    public func putGroup(_ id: String) throws(PlatformError) { _ = try call("PUT", "/v1/groups/\(id)") }
    public func deleteGroup(_ id: String) throws(PlatformError) { _ = try call("DELETE", "/v1/groups/\(id)") }

    /// A listening socket inside the group. The platform keeps it, so that asking again, also after a
    /// restart, gives the same one with everybody who waits on it.
    public func listen(group: String, port: UInt16) throws(PlatformError) -> SharedDescriptor {
        try descriptor(group, ["kind": "listen", "port": JSON(Int(port))])
    }

    /// A connection into the group.
    public func connect(group: String, host: String, port: UInt16) throws(PlatformError) -> SharedDescriptor {
        try descriptor(group, ["kind": "connect", "host": .string(host), "port": JSON(Int(port))])
    }

    private func descriptor(_ group: String, _ body: JSON) throws(PlatformError) -> SharedDescriptor {
        guard let descriptor = try send("POST", "/v1/groups/\(group)/sockets", body).descriptor else {
            throw PlatformError("protocol", "the platform answered without a socket")
        }
        return descriptor
    }

    /// Has a guest; the same one for the same app id.
    public func ensure(_ request: InstanceRequest) throws(PlatformError) -> Instance {
        let body = (try? JSONCoding.encode(request)) ?? .null
        return try decode(Instance.self, try call("POST", "/v1/instances/ensure", body))
    }

    public func instances() throws(PlatformError) -> [Instance] {
        try decode([Instance].self, try call("GET", "/v1/instances")["instances"] ?? [])
    }

    public func instance(_ id: String) throws(PlatformError) -> Instance {
        try decode(Instance.self, try call("GET", "/v1/instances/\(id)"))
    }

    public func pause(_ id: String) throws(PlatformError) {
        _ = try call("POST", "/v1/instances/\(id)/pause", [:])
    }
    public func resume(_ id: String) throws(PlatformError) {
        _ = try call("POST", "/v1/instances/\(id)/resume", [:])
    }

    /// Ends a guest in order, or at once after the grace.
    public func terminate(_ id: String, graceMilliseconds: Int = 3000) throws(PlatformError) {
        _ = try call("POST", "/v1/instances/\(id)/terminate", ["grace_ms": JSON(graceMilliseconds)])
    }

    /// Runs a command in a guest, in a sandbox when there is a policy.
    public func exec(
        _ id: String, _ command: [String], sandbox: SandboxPolicy? = nil, timeoutMilliseconds: Int
    ) throws(PlatformError) -> ExecOutcome {
        var body: JSON = ["command": JSON(command), "timeout_ms": JSON(timeoutMilliseconds)]
        if let sandbox { body["sandbox"] = sandbox.json }
        let response = try send(
            "POST", "/v1/instances/\(id)/exec", body, timeoutMilliseconds: timeoutMilliseconds + 30_000)
        return try decode(ExecOutcome.self, (try? response.json()) ?? .null)
    }

    /// Lines of a guest's log, until the guest has ended (following) or there are no more; false stops.
    public func logs(
        _ id: String, after: Int64, follow: Bool, _ body: @escaping (LogLine) -> Bool
    ) throws(PlatformError) {
        try stream("/v1/instances/\(id)/logs?after=\(after)&follow=\(follow)", LogLine.self, body)
    }

    /// Changes of instances from now on, until the platform ends or `body` says false.
    public func events(after: Int64, _ body: @escaping (InstanceEvent) -> Bool) throws(PlatformError) {
        try stream("/v1/events?after=\(after)&follow=true", InstanceEvent.self, body)
    }

    private func stream<Value: Decodable>(
        _ path: String, _ type: Value.Type, _ body: @escaping (Value) -> Bool
    ) throws(PlatformError) {
        var lines = JSONLines()
        do throws(HTTPError) {
            _ = try HTTPClient.send(
                HTTPRequest("GET", path), to: .unix(socket), idleMilliseconds: 60_000
            ) { bytes in
                for json in (try? lines.receive(bytes)) ?? [] {
                    // An empty object says that the platform lives.
                    guard let value = try? JSONCoding.decode(type, from: json) else { continue }
                    if !body(value) { return false }
                }
                return true
            }
        } catch {
            throw PlatformError("no_platform", "follow \(path): \(error)")
        }
    }
}
