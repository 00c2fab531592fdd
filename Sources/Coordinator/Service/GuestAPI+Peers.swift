import Core
import Kit
import Platform
import System

/// What agents ask about each other. The coordinator gives leave and keeps the book; the bytes go from guest
/// to guest.
extension GuestAPI {
    /// Where a guest's harness listens.
    static let harnessPort: UInt16 = 8700
    /// The name of an agent's guest in the session's network.
    static func host(of agent: String) -> String { "\(agent).session.local" }
    static func url(of agent: String) -> String { "http://\(host(of: agent)):\(harnessPort)" }

    func peers(_ method: String, _ path: String, _ agent: String, _ body: JSON) throws(ServiceError) -> JSON {
        switch (method, path) {
        case ("POST", "messages"):
            let words = try text(body, "text")
            try session.submit(.say(from: agent, to: try text(body, "to"), text: words))
            return held(agent, words)
        case ("POST", "shell/ended"):
            let files = (body["files"]?.arrayValue ?? []).compactMap(\.stringValue).prefix(200)
            try session.submit(
                .handBack(
                    agent: agent, by: "user", diff: try text(body, "diff"),
                    files: files.map { String($0.prefix(500)) }))
        case ("POST", "language"): return try language(agent, body)
        case ("POST", "peers/watch"): return try watch(agent, body)
        case ("GET", "artifacts"):
            return ["artifacts": .array(session.artifacts)]
        case ("POST", "artifacts"): try put(agent, body)
        case ("POST", "artifacts/grant"): return try grant(agent, body)
        case ("POST", "artifacts/received"): try received(agent, body)
        case ("POST", "artifacts/refused"):
            let (owner, name) = try Self.artifact(body)
            let reason = String(try text(body, "reason").prefix(500))
            try session.submit(
                .record([.artifactRefused(agent: agent, owner: owner, name: name, reason: reason)]))
        default:
            throw ServiceError("there is no \(method) /coordinator/\(path)", code: "not_found", status: 404)
        }
        return ["ok": true]
    }

    /// The answer for words that went on, or wait for a person.
    func held(_ agent: String, _ words: String) -> JSON {
        let id = session.state.held.first { $0.value.from == agent && $0.value.text == words }?.key
        guard let id else { return ["ok": true] }
        return ["ok": true, "held": .string(id), "note": "a person reads it before it is passed on"]
    }

    // MARK: Language servers and looks at each other

    /// Whose guest answers, and the leave to ask it.
    private func language(_ agent: String, _ body: JSON) throws(ServiceError) -> JSON {
        let language = try text(body, "language")
        try session.submit(
            .shareLanguage(agent: agent, language: language, instead: body["instead"]?.stringValue))
        guard let host = session.state.languageHosts[language]?.agent else {
            throw ServiceError("there is no host for \(language)", code: "own_server", status: 409)
        }
        wake(host)
        var answer = try leave(agent, at: host, .language(language))
        answer["agent"] = .string(host)
        return answer
    }

    /// Takes what an agent's harness saw of its peers, and says whom it can look at.
    private func watch(_ agent: String, _ body: JSON) throws(ServiceError) -> JSON {
        for change in (body["changes"]?.arrayValue ?? []).prefix(16) {
            guard let peer = change["peer"]?.stringValue, let isReachable = change["reachable"]?.boolValue
            else {
                throw ServiceError("a change is {peer, reachable}", code: "bad_request", status: 400)
            }
            let reason = String((change["reason"]?.stringValue ?? "").prefix(200))
            try session.submit(
                .observePeer(agent: agent, peer: peer, isReachable: isReachable, reason: reason))
        }
        var peers: [JSON] = []
        for (name, peer) in session.state.agents.sorted(by: { $0.key < $1.key })
        where name != agent && peer.status == .ready && !peer.isPaused {
            var place = try leave(agent, at: name, .health)
            place["agent"] = .string(name)
            place["generation"] = JSON(peer.generation)
            peers.append(place)
        }
        return ["peers": .array(peers)]
    }

    // MARK: Artifacts

    private func put(_ agent: String, _ body: JSON) throws(ServiceError) {
        guard let size = body["size"]?.int64Value else {
            throw ServiceError("`size` is required, a number", code: "bad_request", status: 400)
        }
        try session.submit(
            .putArtifact(
                Artifact(
                    owner: agent, name: try text(body, "name"), size: size, digest: try text(body, "sha256")))
        )
    }

    private static func artifact(_ body: JSON) throws(ServiceError) -> (owner: String, name: String) {
        guard let owner = body["agent"]?.stringValue, let name = body["name"]?.stringValue,
            owner.utf8.count <= 128, Artifact.isName(name)
        else {
            throw ServiceError(
                "`agent` and `name` say which artifact is meant", code: "bad_request", status: 400)
        }
        return (owner, name)
    }

    /// Where the file is, what it is, and a leave that its owner's guest checks.
    private func grant(_ agent: String, _ body: JSON) throws(ServiceError) -> JSON {
        let (owner, name) = try Self.artifact(body)
        guard let artifact = session.state.artifacts["\(owner)/\(name)"] else {
            throw ServiceError(
                "\(owner) has put no \(name)", hint: "list what there is", code: "not_found", status: 404)
        }
        wake(owner)
        var answer = try leave(agent, at: owner, .artifact(artifact.digest))
        answer["size"] = JSON(artifact.size)
        answer["sha256"] = .string(artifact.digest)
        return answer
    }

    /// A peer's bytes do not wake a guest that sleeps, so that is done before they come.
    private func wake(_ agent: String) {
        guard let known = session.state.agents[agent], known.isPaused, let instance = known.instance else {
            return
        }
        // One that does not wake does not answer, and then the volume has the file.
        try? session.world.platform.resume(instance)
    }

    /// A leave for an agent to ask another's guest.
    func leave(_ agent: String, at owner: String, _ use: PeerGrant.Use) throws(ServiceError) -> JSON {
        let until = Clock.wallMilliseconds() + PeerGrant.lifeMilliseconds
        guard let token = session.token(of: owner),
            let grant = PeerGrant.make(owner: token, peer: agent, use: use, until: until)
        else { throw ServiceError("the session's secret is damaged", code: "internal") }
        return [
            "grant": .string(grant), "until": JSON(until), "host": .string(Self.host(of: owner)),
            "port": JSON(Int(Self.harnessPort)),
        ]
    }

    /// What an agent says it got is what its owner put, or it is not written down.
    private func received(_ agent: String, _ body: JSON) throws(ServiceError) {
        let (owner, name) = try Self.artifact(body)
        guard let artifact = session.state.artifacts["\(owner)/\(name)"],
            artifact.digest == body["sha256"]?.stringValue
        else {
            throw ServiceError(
                "\(owner)/\(name) is not what was received", code: "changed", status: 409)
        }
        try session.submit(
            .record([
                .artifactReceived(
                    agent: agent, owner: owner, name: name, size: artifact.size, digest: artifact.digest,
                    cuts: body["cuts"]?.count ?? 0, isDirect: body["direct"]?.boolValue ?? false,
                    milliseconds: Int64(body["milliseconds"]?.count ?? 0))
            ]))
    }
}

extension SessionRunner {
    /// All artifacts, with where they are below the session's directory.
    var artifacts: [JSON] {
        state.artifacts.values.sorted { $0.id < $1.id }.map { artifact in
            [
                "agent": .string(artifact.owner), "name": .string(artifact.name),
                "size": JSON(artifact.size), "sha256": .string(artifact.digest),
                "path": .string("workspace/\(Artifact.path(owner: artifact.owner, name: artifact.name))"),
            ]
        }
    }
}
