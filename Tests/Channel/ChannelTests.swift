import Glibc
import Kit
import Synchronization
import System
import Testing
import Wire

@testable import Channel
@testable import Journal

@Suite(.serialized) struct ChannelTests {
    @Test func `a viewer gets the past and then the present, in order and with its hashes`() throws {
        let fixture = try Fixture()
        defer { fixture.stop() }
        try fixture.note(2500)
        let client = try fixture.open()
        try client.read(until: 2500)
        try fixture.note(1)
        try fixture.note(3)
        try client.read(until: 2504)
        #expect(client.others.first?["k"] == "hello")
        #expect(client.others.first?["head"] == 2500)
        #expect(client.lines == (try fixture.journal.lines("s-1").map(\.json)))
        #expect(client.lines.allSatisfy { $0["hash"]?.stringValue?.count == 64 })
    }

    @Test func `a viewer resumes after what it applied, and one that knows too much is told`() throws {
        let fixture = try Fixture()
        defer { fixture.stop() }
        try fixture.note(10)
        let client = try fixture.open(after: 7)
        try client.read(until: 10)
        #expect(client.lines.map { $0["seq"] } == [8, 9, 10])
        let other = try fixture.open(after: 11)
        #expect(try other.frame("bye")?["code"] == "ahead")
    }

    @Test func `sockets that are killed at any moment lose nothing and repeat nothing`() throws {
        let fixture = try Fixture()
        defer { fixture.stop() }
        let isDone = Condition(false)
        let writer = Worker.start("writer") {
            for _ in 0..<150 { _ = try? fixture.note(Int.random(in: 1...20)) }
            isDone.withLock { $0 = true }
        }
        var random = SystemRandomNumberGenerator()
        var last: Int64 = 0
        var seen: [JSON] = []
        var cuts = 0
        while !isDone.withLock({ $0 }) || last < fixture.head {
            let client = try fixture.open(after: last)
            let budget = Int.random(in: 1...6, using: &random)
            for _ in 0..<budget where client.last < fixture.head || !isDone.withLock({ $0 }) {
                guard (try? client.frame(timeoutMilliseconds: 300)) != nil else { break }
            }
            client.socket.interrupt()
            cuts += 1
            seen += client.lines
            last = client.last
        }
        writer.join()
        #expect(cuts > 1)
        #expect(seen == (try fixture.journal.lines("s-1").map(\.json)))
    }

    @Test func `a viewer that reads nothing costs no memory and is served from the journal afterwards`()
        throws
    {
        let fixture = try Fixture()
        defer { fixture.stop() }
        let client = try fixture.open()
        #expect(try client.frame("hello") != nil)
        // More than the ring and every socket buffer hold.
        let text = String(repeating: "y", count: 4000)
        for _ in 0..<10 { try fixture.note(500, text: text) }
        try client.read(until: 5000)
        #expect(client.others.contains { $0["k"] == "lag" }, "it was never cut to the journal")
        #expect(client.lines.count == 5000)
    }

    @Test func `the heartbeat is data and carries the head`() throws {
        let fixture = try Fixture()
        defer { fixture.stop() }
        try fixture.note(3)
        let client = try fixture.open()
        let beat = try client.frame("hb")
        #expect(beat?["head"] == 3)
        #expect((beat?["at"]?.int64Value ?? 0) > 0)
    }

    @Test func `an agent's log comes on request, and stops`() throws {
        let fixture = try Fixture()
        defer { fixture.stop() }
        let client = try fixture.open()
        try client.say(["k": "logs", "agent": "coder-1", "on": true])
        fixture.output.withLock {
            $0.append(LogEntry(seq: 1, at: 5, stream: "stdout", source: "agent", line: "> npm install"))
        }
        let frame = try client.frame("log")
        #expect(frame?["agent"] == "coder-1")
        #expect(frame?["instance"] == "i-1")
        #expect(frame?["l"]?[0]?["line"] == "> npm install")
        try client.say(["k": "logs", "agent": "coder-1", "on": false])
        try client.say(["k": "something new"])
        try fixture.note(1)
        try client.read(until: 1)
    }

    @Test(arguments: [
        #"{"token":"wrong","after":0}"#, #"{"after":0}"#, "[]", "hello",
        #"{"token":"operate-token","after":-1}"#,
        #"{"token":"operate-token","after":"1"}"#, #"{"token":"operate-token","token":"x"}"#,
    ]) func `who does not begin with a token gets nothing`(_ first: String) throws {
        let fixture = try Fixture()
        defer { fixture.stop() }
        try fixture.note(1)
        let client = TestClient(try fixture.connect(), after: 0)
        try client.socket.send(.text(first))
        #expect(try client.frame()?["k"] == "bye")
        #expect(try client.frame() == nil)
        #expect(client.lines.isEmpty)
    }

    @Test func `a frame of a client that is too large ends its socket and nothing else`() throws {
        let fixture = try Fixture()
        defer { fixture.stop() }
        let good = try fixture.open()
        #expect(try good.frame("hello") != nil)
        let bad = try fixture.open()
        #expect(try bad.frame("hello") != nil)
        try bad.socket.send(.text(String(repeating: "a", count: 1 << 20)))
        while try bad.frame() != nil {}
        try fixture.note(1)
        try good.read(until: 1)
    }

    @Test func `a text of a megabyte arrives whole, and a line of a megabyte cut`() throws {
        let fixture = try Fixture()
        defer { fixture.stop() }
        let hostile = "\u{1B}]0;title\u{7}\u{202E}</script>\u{2028}"
        let large = hostile + String(repeating: "z", count: 1 << 20)
        try fixture.note(1, text: large)
        try fixture.note(1)
        let client = try fixture.open()
        try client.read(until: 2)
        #expect(client.lines[0]["data"]?["text"]?.stringValue == "0 \(large)")
        try client.say(["k": "logs", "agent": "coder-1", "on": true])
        fixture.output.withLock {
            $0.append(LogEntry(seq: 1, at: 5, stream: "stdout", source: "agent", line: large))
        }
        let line = try client.frame("log")?["l"]?[0]?["line"]?.stringValue ?? ""
        #expect(line.hasPrefix(hostile))
        #expect(line.utf8.count <= Channel.Limits.logLineBytes + 3)
    }

    @Test func `when the coordinator ends, viewers are told to come back`() throws {
        let fixture = try Fixture()
        let client = try fixture.open()
        #expect(try client.frame("hello") != nil)
        fixture.site?.close()
        #expect(try client.frame("bye")?["code"] == "restart")
        fixture.stop()
    }

    @Test func `a hundred viewers get the same`() throws {
        let fixture = try Fixture()
        defer { fixture.stop() }
        try fixture.note(50)
        let clients = try (0..<100).map { _ in try fixture.open() }
        for _ in 0..<20 { try fixture.note(5) }
        for client in clients { try client.read(until: 150) }
        #expect(clients.allSatisfy { $0.lines == clients[0].lines })
        #expect(fixture.site?.viewerCount("s-1") == 100)
    }
}
