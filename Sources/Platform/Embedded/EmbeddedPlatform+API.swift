import Glibc
import Kit
import System
import Wire

extension EmbeddedPlatform {
    /// Answers one request of the platform's API.
    func answer(_ request: HTTPRequest, _ exchange: HTTPExchange) throws {
        let body = request.body.isEmpty ? JSON.object([:]) : try request.json()
        do throws(PlatformError) {
            let segments = request.target.segments
            guard segments.first == "v1", segments.count >= 2 else { throw missing(request) }
            let rest = Array(segments.dropFirst(2))
            if request.method == "GET", request.query["follow"] != nil || rest.last == "logs" {
                return try stream(segments[1], rest, request.query, exchange)
            }
            if segments[1] == "groups", rest.count == 2, rest[1] == "sockets", request.method == "POST" {
                let socket = try socket(of: rest[0], body)
                return send {
                    try exchange.respond(HTTPResponse(status: 200, json: [:]), passing: socket.raw)
                }
            }
            let result = try result(request, segments[1], rest, body)
            send { try exchange.respond(200, json: result) }
        } catch {
            let status =
                switch error.code {
                case "not_found", "no_kit": 404
                case "busy": 409
                case "rejected_by_hook", "unsupported_isolation", "bad_kit", "bad_request": 422
                default: 500
                }
            try exchange.respond(.error(status, code: error.code, message: error.message, hint: error.hint))
        }
    }

    /// A client that left needs no answer.
    private func send(_ body: () throws -> Void) { try? body() }

    private func missing(_ request: HTTPRequest) -> PlatformError {
        PlatformError("not_found", "there is no \(request.method) \(request.path)")
    }

    private func result(
        _ request: HTTPRequest, _ kind: String, _ rest: [String], _ body: JSON
    ) throws(PlatformError) -> JSON {
        switch (request.method, kind, rest.count) {
        case ("GET", "status", 0): return status
        case ("GET", "kits", 0):
            return [
                "kits": .array(state.withLock { $0.kits }.map { ["name": .string($0), "path": .string($1)] })
            ]
        case ("POST", "kits", 1): return try registered(body)
        case ("PUT", "secrets", 2): return try secret(rest[0], rest[1], body)
        case ("DELETE", "secrets", 1):
            state.withLock { $0.secrets[rest[0]] = nil }
            return [:]
        case ("PUT", "volumes", 1): return try volume(rest[0], body)
        case ("DELETE", "volumes", 1):
            return try removeVolume(rest[0], isPurge: request.query["purge"] == "true")
        case ("PUT", "groups", 1): return try group(rest[0])
        case ("DELETE", "groups", 1): return try removeGroup(rest[0])
        case ("GET", "instances", 0):
            let all = state.withLock { Array($0.guests.values) }.map(\.summary)
            return ["instances": .array(all.map { (try? JSONCoding.encode($0)) ?? .null })]
        case ("GET", "instances", 1): return try encoded(find(guest: rest[0]).summary)
        case ("POST", "instances", 1) where rest[0] == "ensure": return try ensured(body)
        case ("POST", "instances", 2): return try steer(try find(guest: rest[0]), rest[1], body)
        default: throw missing(request)
        }
    }

    private func encoded(_ value: some Encodable) -> JSON { (try? JSONCoding.encode(value)) ?? .null }

    private var status: JSON {
        let (guests, pool) = state.withLock {
            ($0.guests.values.filter { $0.summary.state != .terminated }.count, $0.pool.count)
        }
        return [
            "version": "0.1.0", "backend": "embedded", "pid": JSON(Int(Processes.current())),
            "instances": JSON(guests),
            "capabilities": [
                "isolation": JSON(usableKinds), "snapshot": false,
                "pause": ["namespace": .string(Guest.means(groups)), "microvm": "monitor"],
                "control": ["namespace": "socket", "microvm": .string(machine.controlChannel)],
                "warm_pool": JSON(pool),
                "limits": ["namespace": namespaceLimits, "microvm": Self.machineLimits],
                "rootless": JSON(ids.isRootless), "uid_range": JSON(ids.isRange),
            ],
        ]
    }

    /// What holds a whole guest. Without groups of its own, what is limited is limited per tool call.
    private var namespaceLimits: JSON {
        let held = groups.controllers ?? []
        func by(_ controller: String, else other: String) -> JSON {
            .string(held.contains(controller) ? "cgroup" : other)
        }
        return [
            "memory": by("memory", else: "none"), "cpu": by("cpu", else: "none"),
            "processes": by("pids", else: "rlimit"), "disk": "none",
        ]
    }

    private static let machineLimits: JSON = [
        "memory": "vm", "cpu": "vm", "processes": "cgroup", "disk": "vm",
    ]

    /// The kinds of guests that can be made here. KVM is tried when somebody asks for it, not for this list.
    private var usableKinds: [String] {
        var kinds = [Isolation.namespace.rawValue]
        if (try? machine.check(.emulated)) != nil { kinds.append(Isolation.emulated.rawValue) }
        if case .works? = machine.knownKVM { kinds.append(Isolation.microvm.rawValue) }
        return kinds
    }

    // MARK: Kits, secrets, volumes, groups

    private func registered(_ body: JSON) throws(PlatformError) -> JSON {
        guard let path = body["path"]?.stringValue, path.hasPrefix("/") else {
            throw PlatformError("bad_request", "path is required, and absolute")
        }
        let manifest = try register(path)
        fillPool()
        return manifest.json
    }

    private func secret(_ scope: String, _ name: String, _ body: JSON) throws(PlatformError) -> JSON {
        guard let value = body["value"]?.stringValue, value.utf8.count <= 65536 else {
            throw PlatformError("bad_request", "value is required, a text of at most 64 KiB")
        }
        state.withLock { $0.secrets[scope, default: [:]][name] = value }
        return [:]
    }

    private func volume(_ id: String, _ body: JSON) throws(PlatformError) -> JSON {
        guard let path = body["path"]?.stringValue, path.hasPrefix("/"), Files.isDirectory(path) else {
            throw PlatformError("bad_request", "path must be a directory")
        }
        state.withLock { $0.volumes[id] = path }
        return [:]
    }

    private func removeVolume(_ id: String, isPurge: Bool) throws(PlatformError) -> JSON {
        let path = try find(volume: id)
        if isPurge {
            do throws(SystemError) {
                try Files.removeTree(path)
            } catch {
                throw PlatformError("volume", "remove \(path): \(error)")
            }
        }
        state.withLock { _ = $0.volumes.removeValue(forKey: id) }
        return [:]
    }

    private func group(_ id: String) throws(PlatformError) -> JSON {
        if state.withLock({ $0.groups[id] }) == nil {
            let group = try NetworkGroup(id)
            state.withLock { state in if state.groups[id] == nil { state.groups[id] = group } }
        }
        return ["bridge_address": .string("\(NetworkGroup.coordinator)")]
    }

    private func removeGroup(_ id: String) throws(PlatformError) -> JSON {
        guard try find(group: id).isEmpty else {
            throw PlatformError("busy", "the group \(id) has guests", hint: "terminate them first")
        }
        state.withLock { _ = $0.groups.removeValue(forKey: id) }
        return [:]
    }

    private func socket(of id: String, _ body: JSON) throws(PlatformError) -> SharedDescriptor {
        let group = try find(group: id)
        guard let port = body["port"]?.intValue.flatMap({ UInt16(exactly: $0) }), port > 0 else {
            throw PlatformError("bad_request", "port is required")
        }
        switch body["kind"]?.stringValue {
        case "listen": return try group.listener(port: port)
        case "connect":
            let host = body["host"]?.stringValue ?? ""
            if let guest = group.member(host).flatMap({ try? find(guest: $0.instance) }) { try wake(guest) }
            return try group.connect(host: host, port: port)
        default: throw PlatformError("bad_request", "kind is listen or connect")
        }
    }

    // MARK: Instances

    private func ensured(_ body: JSON) throws(PlatformError) -> JSON {
        let request: InstanceRequest
        do throws(JSONCodingError) {
            request = try JSONCoding.decode(InstanceRequest.self, from: body)
        } catch {
            throw PlatformError("bad_request", "the request is not understood: \(error)")
        }
        let shown = request.workspace?.shown ?? [:]
        let isPlain = ((request.workspace?.writable ?? []) + shown.keys).allSatisfy { path in
            !path.isEmpty && !path.hasPrefix("/") && !path.split(separator: "/").contains("..")
        }
        guard isPlain, shown.values.allSatisfy({ $0.hasPrefix("/") }) else {
            throw PlatformError(
                "bad_request", "views are relative to the volume, and what is shown there is absolute")
        }
        return encoded(try ensure(request))
    }

    private func steer(_ guest: Guest, _ verb: String, _ body: JSON) throws(PlatformError) -> JSON {
        switch verb {
        case "pause":
            if try guest.pause(.asked) { publish(guest) }
        case "resume":
            if let stood = try guest.resume() { goesOn(guest, stood) }
        case "terminate":
            guest.end("it was asked for", graceMilliseconds: min(body["grace_ms"]?.intValue ?? 3000, 60_000))
        case "exec":
            try wake(guest)
            return encoded(try guest.exec(body))
        default: throw PlatformError("not_found", "an instance cannot \(verb)")
        }
        return encoded(guest.summary)
    }

    // MARK: Streams

    private func stream(
        _ kind: String, _ rest: [String], _ query: [String: String], _ exchange: HTTPExchange
    ) throws(PlatformError) {
        let follows = query["follow"] == "true"
        var after = query["after"].flatMap { Int64($0) } ?? 0
        let headers: HTTPHeaders = ["Content-Type": "application/x-ndjson"]
        if kind == "instances", rest.count == 2, rest[1] == "logs" {
            let log = try find(guest: rest[0]).log
            send {
                try exchange.begin(200, headers: headers)
                while let lines = log.read(after: after, waitMilliseconds: follows ? 10_000 : 0) {
                    for line in lines { try exchange.write(JSONLines.line(encoded(line))) }
                    after = lines.last?.seq ?? after
                    if lines.isEmpty {
                        if !follows { break }
                        try exchange.write(JSONLines.line([:]))
                    }
                }
                try exchange.end()
            }
        } else if kind == "events" {
            send {
                try exchange.begin(200, headers: headers)
                while true {
                    let events = state.wait(timeoutMilliseconds: 10_000) { state -> [InstanceEvent]? in
                        let new = state.events.filter { $0.seq > after }
                        return new.isEmpty && !state.isStopping ? nil : new
                    }
                    for event in events ?? [] { try exchange.write(JSONLines.line(encoded(event))) }
                    after = events?.last?.seq ?? after
                    if events == nil { try exchange.write(JSONLines.line([:])) }
                    if state.withLock({ $0.isStopping }) { break }
                }
                try exchange.end()
            }
        } else {
            throw PlatformError("not_found", "there is nothing to follow")
        }
    }
}
