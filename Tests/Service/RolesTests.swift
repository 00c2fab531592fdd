import Kit
import System
import Testing

@testable import Service

@Suite struct RolesTests {
    /// A home whose kit has a coder.
    static func home() throws -> Home {
        let directory = try Files.temporaryDirectory(prefix: "roles")
        let home = Home(aegis: "\(directory)/aegis", path: "\(directory)/openclaw")
        try Files.makeDirectories("\(home.kit)/roles")
        try Files.makeDirectories("\(home.path)/roles")
        let coder = "name: coder\nprompt: Be careful.\ntools: [bash]\nworkspace: clone\n"
        try Files.write("\(home.kit)/roles/coder.yaml", Array(coder.utf8))
        return home
    }

    static func file(_ name: String, _ text: String) -> Roles.File {
        Roles.File(name: name, path: ".openclaw/roles/\(name).yaml", text: text)
    }

    @Test func `a repository's role builds on the kit's and takes no name that is there`() throws {
        let home = try Self.home()
        defer { try? Files.removeTree(Files.parent(of: home.path)) }
        var roles = Roles(home: home)
        let hasAdded = roles.add(Self.file("fuzzer", "name: fuzzer\nextends: coder\nprompt: Fuzz."))
        let hasReplaced = roles.add(Self.file("coder", "name: coder\nprompt: Be careless."))
        #expect(hasAdded && !hasReplaced)
        #expect(try roles.role("fuzzer")?.prompt == "Be careful.\nFuzz.")
        #expect(try roles.role("coder")?.prompt == "Be careful.")
        #expect(try roles.role("nobody") == nil)
        #expect(roles.working == ["coder", "fuzzer"])
    }

    @Test func `an architect is offered the roles that write, with what they say of themselves`() throws {
        let home = try Self.home()
        defer { try? Files.removeTree(Files.parent(of: home.path)) }
        var roles = Roles(home: home)
        roles.add(Self.file("docs", "name: docs\nextends: coder\ndescription: Writes.\nprompt: Write."))
        roles.add(Self.file("looker", "name: looker\nprompt: Look.\nworkspace: read-only"))
        #expect(roles.offers == [RoleOffer(name: "docs", description: "Writes.")])
    }

    @Test func `words in transcripts are found by turn, all of them in one`() throws {
        let home = try Self.home()
        defer { try? Files.removeTree(Files.parent(of: home.path)) }
        let lines = [
            #"{"at":7,"keep":0,"add":[{"content":"Off by one?"}],"response":{"content":"No."}}"#, "cut {",
            #"{"keep":2,"add":[],"response":{"content":[{"type":"text","text":"OFF again, by ONE"}]}}"#,
        ]
        try Files.makeDirectories(home.path)
        try Files.write("\(home.path)/t1.jsonl", Array(lines.joined(separator: "\n").utf8))
        var search = TranscriptSearch(words: ["off", "one"], limit: 10)
        search.look("s", in: home.path, startedAt: 5)
        #expect(search.hits.map { $0["seq"] } == [1, 3] && search.hits.map { $0["at"] } == [7, 5])
        #expect(search.hits[0]["agent"] == "t1" && search.hits[0]["session"] == "s")
        var one = TranscriptSearch(words: ["off"], limit: 1)
        one.look("s", in: home.path, startedAt: 5)
        #expect(one.hits.count == 1 && one.isFull)
    }

    @Test func `a user's role wins over the kit's, and may not build on itself`() throws {
        let home = try Self.home()
        defer { try? Files.removeTree(Files.parent(of: home.path)) }
        try Files.write(
            "\(home.path)/roles/coder.yaml", Array("name: coder\nprompt: Mine.\nworkspace: clone".utf8))
        #expect(try Roles(home: home).role("coder")?.prompt == "Mine.")
        try Files.write("\(home.path)/roles/coder.yaml", Array("name: coder\nextends: coder".utf8))
        #expect(throws: RoleError.self) { try Roles(home: home).role("coder") }
    }

    @Test func `a file whose name is not its role's is refused`() throws {
        let home = try Self.home()
        defer { try? Files.removeTree(Files.parent(of: home.path)) }
        let error = #expect(throws: RoleError.self) {
            try Roles(home: home).check(Self.file("a", "name: b\nprompt: x"))
        }
        #expect(error?.description.contains("file and name must be the same") == true)
        for name in ["9lives", "dash-", "Big", "two words"] {
            #expect(throws: RoleError.self, "\(name)") {
                try Roles(home: home).check(Self.file(name, "name: \(name)\nprompt: x"))
            }
        }
    }

    @Test func `trust is for a content, and ends with it`() throws {
        let home = try Self.home()
        defer { try? Files.removeTree(Files.parent(of: home.path)) }
        let trust = RoleTrust(home: home)
        #expect(!trust.trusts("one"))
        try trust.add(Self.file("a", "one"), at: 1)
        try trust.add(Self.file("b", "two"), at: 2)
        #expect(trust.trusts("one") && trust.trusts("two") && !trust.trusts("one "))
        #expect(try trust.remove("one") && !trust.trusts("one") && trust.trusts("two"))
        #expect(try !trust.remove("one"))
        try Files.write("\(home.path)/trusted-roles.json", Array("{broken".utf8))
        #expect(!trust.trusts("two"), "a broken file trusts something")
    }
}

@Suite struct PreviewTests {
    static func waves(_ tasks: PlanTask...) -> [[String]] { Preview.waves(tasks).map { $0.map(\.id) } }

    static func task(_ id: String, after: [String] = [], writes: [String]) -> PlanTask {
        PlanTask(id: id, title: id, dependsOn: after, writeSet: writes)
    }

    @Test func `what is disjoint runs side by side, what meets or depends waits`() {
        #expect(Self.waves() == [])
        #expect(Self.waves(Self.task("a", writes: ["a"]), Self.task("b", writes: ["b"])) == [["a", "b"]])
        #expect(
            Self.waves(Self.task("a", writes: ["x/**"]), Self.task("b", writes: ["x/y"])) == [["a"], ["b"]])
        #expect(
            Self.waves(
                Self.task("c", after: ["b"], writes: ["c"]), Self.task("a", writes: ["a"]),
                Self.task("b", after: ["a"], writes: ["b"])) == [["a"], ["b"], ["c"]])
    }

    @Test func `a search finds words in any field, in any case, and shows where`() {
        let event = Event(
            seq: 3, session: "s", at: 1,
            body: .taskCompleted(
                task: "t1", attempt: 1, agent: "coder-1", summary: "The\nSignature is checked", commit: nil))
        #expect(Coordinator.hit(event, ["signature", "coder"])?["excerpt"] == "The Signature is checked")
        #expect(Coordinator.hit(event, ["signature", "nowhere"]) == nil)
        let long = String(repeating: "x", count: 200) + "word" + String(repeating: "y", count: 200)
        let excerpt = Coordinator.excerpt(long, around: "word")
        #expect(
            excerpt.contains("xword") && excerpt.count == 126 && excerpt.first == "…" && excerpt.last == "…")
    }
}
