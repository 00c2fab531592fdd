import Kit
import Testing

@testable import Core

/// Sessions in which agents do something with each other.
@Suite struct PeersTests {
    static let digest = String(repeating: "ab", count: 32)

    /// Two coders at work.
    static func working(approve: [ApprovalKind] = []) throws -> World {
        var world = World(seed: 1)
        try world.send(.start(World.configuration(agents: 8, plan: World.plan, approve: approve)))
        try world.go { $0.tasks["t1"]?.status == .working && $0.tasks["t2"]?.status == .working }
        return world
    }

    static func code(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch {
            return (error as? Rejection)?.code
        }
    }

    // MARK: Messages

    @Test func `what agents say goes on at once when nobody asked to read it`() throws {
        var world = try Self.working()
        try world.send(.say(from: "coder-1", to: "coder-2", text: "hello"))
        try world.send(.note(agent: "coder-1", text: "noted"))
        #expect(world.state.permissions.isEmpty && world.state.notes == ["coder-1: noted"])
        #expect(
            world.running.contains {
                if case .deliverMessage("coder-2", _, _, "coder-1", "hello") = $0 { true } else { false }
            })
        #expect(
            Self.code { try world.send(.say(from: "coder-1", to: "coder-1", text: "x")) } == "own_message")
        #expect(
            Self.code { try world.send(.say(from: "coder-1", to: "nobody", text: "x")) } == "no_such_agent")
    }

    @Test func `a held message is passed on in the person's words, and not before`() throws {
        var world = try Self.working(approve: [.messages])
        try world.send(.say(from: "coder-1", to: "coder-2", text: "one"))
        try world.send(.say(from: "coder-2", to: "all", text: "two"))
        // Said again, because the answer was lost.
        try world.send(.say(from: "coder-1", to: "coder-2", text: "one"))
        #expect(world.state.permissions.map(\.id) == ["message/1", "message/2"])
        #expect(!world.events.contains { if case .messageSent = $0.body { true } else { false } })
        // What is not of this kind goes on, and so does what the person says.
        try world.send(.note(agent: "coder-1", text: "noted"))
        try world.send(.say(from: "user", to: "coder-1", text: "mine"))
        #expect(world.state.notes.count == 1 && world.state.permissions.count == 2)
        try world.send(.permit(id: "message/1", by: "user", text: "one, but politely"))
        #expect(
            world.events.contains {
                $0.body == .messageSent(from: "coder-1", to: "coder-2", text: "one, but politely")
            })
        try world.send(.permit(id: "message/1", by: "user"))
        #expect(world.state.permissions.map(\.id) == ["message/2"])
        #expect(Invariants(world.events).problems.isEmpty)
    }

    @Test func `a message that is refused reaches its sender only, and the session goes on`() throws {
        var world = try Self.working(approve: [.messages])
        try world.send(.say(from: "coder-1", to: "coder-2", text: "let us skip the tests"))
        try world.send(.refuse(id: "message/1", by: "user", reason: "no"))
        let sent = world.events.compactMap { event -> String? in
            if case .messageSent(_, let to, let text) = event.body { "\(to): \(text)" } else { nil }
        }
        #expect(sent == ["coder-1: message/1 to coder-2 was not passed on: no"])
        #expect(!world.state.phase.isOver && world.state.held.isEmpty && world.state.permissions.isEmpty)
    }

    @Test func `notes and tasks are held when they are asked for`() throws {
        var world = try Self.working(approve: [.notes, .tasks])
        try world.send(.note(agent: "coder-1", text: "read me"))
        let task = PlanTask(id: "t9", title: "More")
        try world.send(.addTask(task, by: "coder-1"))
        try world.send(.addTask(task, by: "coder-1"))
        #expect(world.state.notes.isEmpty && world.state.tasks["t9"] == nil)
        #expect(world.state.permissions.map(\.kind) == [.notes, .tasks])
        #expect(
            Self.code { try world.send(.permit(id: "message/2", by: "user", text: "other")) } == "no_message")
        try world.send(.permit(id: "message/1", by: "user"))
        try world.send(.permit(id: "message/2", by: "user"))
        #expect(world.state.notes == ["coder-1: read me"] && world.state.tasks["t9"] != nil)
        // A person's own task waits for nobody.
        try world.send(.addTask(PlanTask(id: "t10", title: "Mine"), by: "user"))
        #expect(world.state.tasks["t10"] != nil)
    }

    @Test func `what waits for a person is bounded`() throws {
        var world = try Self.working(approve: [.messages])
        for number in 0..<Tries.held { try world.send(.say(from: "coder-1", to: "all", text: "\(number)")) }
        #expect(Self.code { try world.send(.say(from: "coder-1", to: "all", text: "more")) } == "too_many")
        #expect(world.state.permissions.count == Tries.held)
    }

    // MARK: Artifacts

    @Test func `an artifact is written down once, replaced by its owner, and bounded in number`() throws {
        var world = try Self.working()
        let artifact = Artifact(owner: "coder-1", name: "a.tar", size: 5, digest: Self.digest)
        try world.send(.putArtifact(artifact))
        let count = world.events.count
        try world.send(.putArtifact(artifact))
        #expect(world.events.count == count)
        var larger = artifact
        larger.size = 6
        try world.send(.putArtifact(larger))
        #expect(world.state.artifacts == ["coder-1/a.tar": larger])
        for number in 1..<Artifact.countLimit {
            try world.send(
                .putArtifact(Artifact(owner: "coder-2", name: "f\(number)", size: 0, digest: Self.digest)))
        }
        let more = Artifact(owner: "coder-2", name: "more", size: 0, digest: Self.digest)
        #expect(Self.code { try world.send(.putArtifact(more)) } == "too_many")
        try world.send(.putArtifact(artifact))
        #expect(Core.fold(world.events) == world.state)
    }

    @Test(arguments: [
        Artifact(owner: "coder-1", name: "../x", size: 1, digest: digest),
        Artifact(owner: "coder-1", name: "x", size: -1, digest: digest),
        Artifact(owner: "coder-1", name: "x", size: Artifact.sizeLimit + 1, digest: digest),
        Artifact(owner: "coder-1", name: "x", size: 1, digest: "ABCD"),
    ])
    func `what is no artifact is refused`(artifact: Artifact) throws {
        var world = try Self.working()
        #expect(Self.code { try world.send(.putArtifact(artifact)) } == "bad_artifact")
    }

    @Test(arguments: [
        "", ".", "..", "../x", "a/b", "/a", ".hidden", "-rf", "--help", "received", "a\n", "a\0", "a b",
        "a\\b", "\u{212A}", "a/\u{301}b", "a\u{301}", "\u{202E}a", String(repeating: "a", count: 129),
    ])
    func `a name that means something else to a file system, a shell or an eye is none`(name: String) {
        #expect(!Artifact.isName(name))
    }

    @Test(arguments: ["a", "a-b_c.tar.gz", "A1", String(repeating: "a", count: 128)])
    func `a plain name is one`(name: String) { #expect(Artifact.isName(name)) }

    // MARK: Language servers and looks

    @Test func `the first who asks is the host, the next one shares, and each is written down once`() throws {
        var world = try Self.working()
        for _ in 0..<2 {
            try world.send(.shareLanguage(agent: "coder-1", language: "python", instead: nil))
            try world.send(.shareLanguage(agent: "coder-2", language: "python", instead: nil))
        }
        let told = world.events.map(\.body).filter { $0.type.hasPrefix("language.") }
        #expect(
            told == [
                .languageHosted(agent: "coder-1", generation: 1, language: "python"),
                .languageShared(agent: "coder-2", host: "coder-1", language: "python"),
            ])
        #expect(
            Self.code { try world.send(.shareLanguage(agent: "coder-1", language: "cpp", instead: nil)) }
                == "own_server")
    }

    @Test func `a host that is lost or does not answer is replaced, so often and no more`() throws {
        var world = try Self.working()
        try world.send(.shareLanguage(agent: "coder-1", language: "python", instead: nil))
        try world.send(.agentLost(agent: "coder-1", generation: 1, reason: "killed"))
        try world.send(.shareLanguage(agent: "coder-2", language: "python", instead: nil))
        #expect(world.state.languageHosts["python"]?.agent == "coder-2")
        try world.go { $0.agents["coder-1"]?.status == .ready }
        var refused: String?
        for _ in 0..<10 where refused == nil {
            let host = try #require(world.state.languageHosts["python"]?.agent)
            let other = host == "coder-1" ? "coder-2" : "coder-1"
            refused = Self.code {
                try world.send(.shareLanguage(agent: other, language: "python", instead: host))
            }
        }
        #expect(refused == "own_server")
        let hosts = world.events.count { if case .languageHosted = $0.body { true } else { false } }
        #expect(hosts == Tries.languageHosts)
    }

    @Test func `who does not reach whom is written down when it changes`() throws {
        var world = try Self.working()
        for _ in 0..<3 {
            try world.send(
                .observePeer(agent: "coder-1", peer: "coder-2", isReachable: false, reason: "silent"))
        }
        try world.send(.observePeer(agent: "coder-2", peer: "coder-1", isReachable: true, reason: ""))
        try world.send(.observePeer(agent: "coder-1", peer: "nobody", isReachable: false, reason: ""))
        #expect(world.state.unreachable["coder-2"] == ["coder-1"])
        try world.send(.observePeer(agent: "coder-1", peer: "coder-2", isReachable: true, reason: ""))
        let told = world.events.map(\.body).filter { $0.type.hasPrefix("peer.") }
        #expect(
            told == [
                .peerUnreachable(agent: "coder-1", peer: "coder-2", reason: "silent"),
                .peerReachable(agent: "coder-1", peer: "coder-2"),
            ])
        for index in 0..<600 {
            try world.send(
                .observePeer(agent: "coder-1", peer: "coder-2", isReachable: index % 2 == 1, reason: ""))
        }
        #expect(world.events.count { $0.body.type.hasPrefix("peer.") } == Tries.peerChanges)
    }

    // MARK: In an agent's place

    @Test func `who is taken gets no new task, and is told what was changed when it is handed back`() throws {
        var world = World(seed: 2)
        let tasks = [PlanTask(id: "t1", title: "One"), PlanTask(id: "t2", title: "Two")]
        let plan = Plan(summary: "", tasks: tasks)
        try world.send(.start(World.configuration(agents: 2, plan: plan)))
        try world.go { $0.tasks["t1"]?.status == .working }
        #expect(Self.code { try world.send(.takeOver(agent: "nobody", by: "user")) } == "no_such_agent")
        try world.send(.takeOver(agent: "coder-1", by: "user"))
        #expect(Self.code { try world.send(.takeOver(agent: "coder-1", by: "user")) } == "taken")
        // What it had under way may still end; the next task waits for it.
        try world.go { $0.tasks["t1"]?.status == .merged }
        while try world.step() {}
        #expect(world.state.tasks["t2"]?.status == .submitted && world.state.agents["coder-1"]?.task == nil)
        try world.send(.handBack(agent: "coder-1", by: "user", diff: "+x", files: ["a"]))
        try world.send(.handBack(agent: "coder-1", by: "user", diff: "", files: []))
        let told = world.events.compactMap { event -> String? in
            if case .messageSent("user", "coder-1", let text) = event.body { text } else { nil }
        }
        #expect(told.count == 1 && told[0].hasSuffix("+x"))
        try world.go { $0.phase.isOver }
        #expect(world.state.phase == .completed)
        #expect(Core.fold(world.events) == world.state)
    }

    @Test func `a guest that is lost is in nobody's hands`() throws {
        var world = try Self.working()
        try world.send(.takeOver(agent: "coder-1", by: "user"))
        try world.send(.agentLost(agent: "coder-1", generation: 1, reason: "killed"))
        #expect(world.state.agents["coder-1"]?.isTaken == false)
        try world.send(.handBack(agent: "coder-1", by: "user", diff: "+x", files: ["a"]))
        #expect(!world.events.contains { $0.body.type == "agent.returned" })
        try world.send(.pause(by: "user"))
        #expect(Self.code { try world.send(.takeOver(agent: "coder-2", by: "user")) } == "paused")
    }
}
