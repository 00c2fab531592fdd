import Kit
import Testing

@testable import Harness

@Suite struct PeerBookTests {
    private let good = PeerLook(milliseconds: 1, progressAge: 5)
    private let bad = PeerLook(milliseconds: 2000, problem: "silent")

    @Test func `one look that fails is nothing, two are told once, and an answer is told once`() {
        var book = PeerBook()
        let looks = [good, bad, good, bad, bad, bad, bad, good, good, bad, bad]
        let told = looks.map { book.note("coder-2", generation: 1, $0) }
        #expect(told == [nil, nil, nil, nil, false, nil, nil, true, nil, nil, false])
    }

    @Test func `a new guest is a new peer, and who is gone is forgotten`() {
        var book = PeerBook()
        _ = book.note("coder-2", generation: 1, bad)
        let first = book.note("coder-2", generation: 2, bad)
        #expect(first == nil)
        let second = book.note("coder-2", generation: 2, bad)
        #expect(second == false)
        book.keep(["coder-3"])
        #expect(book.entries.isEmpty)
        let back = book.note("coder-2", generation: 2, good)
        #expect(back == nil)
    }

    @Test func `what an agent is told of its peers is what was seen`() {
        let watch = PeerWatch()
        let text = watch.describe(
            [
                ["agent_id": "coder-1", "role": "coder", "status": "ready", "task": "t1"],
                ["agent_id": "coder-2", "role": "coder", "status": "lost", "task": .null],
            ], own: "coder-1")
        #expect(
            text
                == "coder-1 (coder): ready, works on t1; this is you\n"
                + "coder-2 (coder): lost; not looked at yet"
        )
    }

    @Test(
        arguments: [
            ["columns": "80", "rows": "24"], ["columns": "80", "rows": "24", "term": "xterm-256color"],
            ["columns": "1000", "rows": "2", "term": "screen.xterm"],
        ])
    func `a shell has a size`(query: [String: String]) { #expect(ShellDesk.Size(query) != nil) }

    @Test(
        arguments: [
            [:], ["columns": "80"], ["columns": "0", "rows": "24"], ["columns": "-1", "rows": "24"],
            ["columns": "99999", "rows": "24"], ["columns": "80", "rows": "24", "term": ""],
            ["columns": "80", "rows": "24", "term": "x y"], ["columns": "80", "rows": "24", "term": "$(id)"],
            ["columns": "80x", "rows": "24"],
        ])
    func `what is no size is none`(query: [String: String]) { #expect(ShellDesk.Size(query) == nil) }
}
