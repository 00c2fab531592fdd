import TestSupport
import Testing
import Wire

private func events(_ pieces: [[UInt8]], limit: Int = 1 << 16) -> String {
    var parser = ServerSentEventParser(limit: limit)
    var text = ""
    do {
        for piece in pieces {
            for event in try parser.receive(piece) { text += "\(event.event)|\(event.data)|\(event.id)\n" }
        }
        // An error may wait behind the last events.
        _ = try parser.receive([])
    } catch {
        return text + "\(error)"
    }
    return text + "retry \(parser.retryMilliseconds ?? -1)"
}

@Suite struct ServerSentEventTests {
    // The examples of the HTML standard, section 9.2.6, and the corners of its grammar.
    @Test(arguments: [
        ("data: YHOO\ndata: +2\ndata: 10\n\n", "message|YHOO\n+2\n10|\nretry -1"),
        (
            ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
            "message|first event|1\nmessage|second event|\nmessage| third event|\nretry -1"
        ),
        ("data\n\ndata\ndata\n\ndata:", "message||\nmessage|\n|\nretry -1"),
        ("data:test\n\ndata: test\n\n", "message|test|\nmessage|test|\nretry -1"),
        ("event: add\ndata: 1\n\nevent: none\n\ndata: 2\n\n", "add|1|\nmessage|2|\nretry -1"),
        ("data: a\rdata: b\r\rdata: c\r\n\r\n", "message|a\nb|\nmessage|c|\nretry -1"),
        ("\u{FEFF}data: a\n\n\u{FEFF}data: b\n\n", "message|a|\nretry -1"),
        ("retry: 1500\nretry: 1x\nretry:\n\n", "retry 1500"),
        ("id: a\u{0}b\ndata: x\n\n", "message|x|\nretry -1"),
        ("unknown: x\nDATA: y\ndata: z\n\n", "message|z|\nretry -1"),
        ("data: cut off\n", "retry -1"),
    ])
    func `a stream gives its events however it is cut`(stream: String, expected: String) {
        #expect(outcomesOfSplits(Array(stream.utf8)) { events($0) } == [expected])
    }

    @Test func `what is written reads back the same`() throws {
        let sent = [
            ServerSentEvent(data: ""), ServerSentEvent(event: "delta", data: "a\nb\n\n c", id: "7"),
            ServerSentEvent(data: "data: x\n\n: y"),
        ]
        var parser = ServerSentEventParser()
        let bytes = sent.flatMap { $0.serialized() + ServerSentEvent.keepAlive }
        let received = try parser.receive(bytes)
        #expect(received.map(\.data) == sent.map(\.data))
        #expect(received.map(\.event) == ["message", "delta", "message"])
        #expect(received.map(\.id) == ["", "7", "7"])
        var hostile = ServerSentEventParser()
        let one = try hostile.receive(ServerSentEvent(event: "a\ndata: b", data: "c\r\nd\re").serialized())
        #expect(one == [ServerSentEvent(event: "a data: b", data: "c\nd\ne")])
    }

    @Test func `an endless line or event is refused`() throws {
        var parser = ServerSentEventParser(limit: 10)
        #expect(throws: ServerSentEventError.self) { try parser.receive(Array("data: 123456789".utf8)) }
        var second = ServerSentEventParser(limit: 10)
        #expect(throws: ServerSentEventError.self) {
            for _ in 0..<10 { _ = try second.receive(Array("data: 12\n".utf8)) }
        }
    }

    @Test func `mutations never trap and never depend on how the bytes were cut`() {
        let corpus = Array("\u{FEFF}id: 1\r\nevent: e\rdata: é\n\ndata\n\n:c\nretry: 3\n\n".utf8)
        var random = SeededRandom(seed: 9)
        for round in 0..<2000 {
            let bytes = random.mutate(corpus)
            #expect(events([bytes]) == events(bytes.map { [$0] }), "seed 9, round \(round)")
            #expect(
                events([bytes], limit: 9) == events(bytes.map { [$0] }, limit: 9), "seed 9, round \(round)")
        }
    }
}
