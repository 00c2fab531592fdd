import Journal
import Kit
import System
import TestSupport
import Testing
import Wire

@testable import Channel

@Suite struct SnapshotTests {
    /// More than a page is sent one by one.
    private static let far = Int(Channel.Limits.keyframeEvents) + 500

    private func progress(_ fixture: Fixture, _ count: Int) throws {
        try fixture.journal.append(
            fixture.id,
            (0..<count).map { .taskProgressed(task: "t1", agent: "coder-1", message: "step \($0)") }, at: 7)
    }

    @Test func `who comes late to a long session gets a snapshot and then every event after it`() throws {
        let fixture = try Fixture()
        defer { fixture.stop() }
        try fixture.note(1)
        try progress(fixture, Self.far)
        let head = fixture.head
        let client = TestClient(try fixture.connect(), after: head)
        try client.say(["token": .string(Fixture.token), "after": 0])
        let frame = try client.frame("snap")
        #expect(frame?["seq"] == JSON(head))
        #expect(frame?["hash"] == (try fixture.lines(after: head - 1, limit: 1).first?.json["hash"]))
        // The newest of what repeats, and everything else.
        #expect(frame?["e"]?.arrayValue?.count == 51)
        #expect(frame?["e"]?[1]?["count"] == JSON(Self.far - 49))
        try fixture.note(2)
        try client.read(until: head + 2)
        #expect(client.lines.count == 2)
    }

    @Test func `who is not far behind gets events, and so does who wants no snapshot`() throws {
        let fixture = try Fixture()
        defer { fixture.stop() }
        try progress(fixture, Self.far)
        let near = try fixture.open(after: 1000)
        try near.read(until: fixture.head)
        let whole = TestClient(try fixture.connect(), after: 0)
        try whole.say(["token": .string(Fixture.token), "after": 0, "snapshot": false])
        try whole.read(until: fixture.head)
        for client in [near, whole] { #expect(!client.others.contains { $0["k"] == "snap" }) }
    }

    @Test func `a keyframe gives the same snapshot as the journal, and one that does not fit is not used`()
        throws
    {
        let fixture = try Fixture()
        defer { fixture.stop() }
        try progress(fixture, Self.far)
        let place = Channel.Limits.keyframeEvents
        let path = "\(fixture.snapshotDirectory)/\(place).json"
        let expected = try Snapshots(fixture).at(place + 7).document
        #expect(try Snapshots(fixture).keep { false } == place)
        let kept = try Files.read(path)
        #expect(kept == (try Snapshots(fixture).at(place).document))
        #expect(try Snapshots(fixture).at(place + 7).document == expected)
        let text = String(decoding: kept, as: UTF8.self)
        // Another journal's, a torn one, and one that lies about its place.
        let hash = Snapshot(document: kept)?.hash ?? ""
        let other = String(hash.reversed())
        for bad in [
            text.replacing(hash, with: other), String(text.prefix(text.count / 2)), "", "[]",
            text.replacing("\"seq\":\(place),\"at\"", with: "\"seq\":5,\"at\""),
        ] {
            try Files.writeAtomically(path, Array(bad.utf8))
            #expect(try Snapshots(fixture).at(place + 7).document == expected)
        }
    }

    @Test func `the past is read in parts, with a token, within bounds`() throws {
        let fixture = try Fixture()
        defer { fixture.stop() }
        try fixture.note(1500)
        let base = "/session/s-1/canvas/api"
        let part = try fixture.send(HTTPRequest("GET", "\(base)/events?after=1000")).json()
        #expect(part["e"]?.arrayValue?.count == 500)
        #expect(part["e"]?[0]?["seq"] == 1001)
        let first = try fixture.send(HTTPRequest("GET", "\(base)/events?after=0")).json()
        #expect(first["e"]?.arrayValue?.count == Channel.Limits.pastEvents)
        let snapshot = try fixture.send(HTTPRequest("GET", "\(base)/snapshot?at=700")).json()
        #expect(snapshot["seq"] == 700)
        for bad in [
            "events", "events?after=-1", "events?after=1501", "events?after=x", "snapshot?at=1501",
            "snapshot?after=1", "snapshot?at=99999999999999999999",
        ] {
            #expect(try fixture.send(HTTPRequest("GET", "\(base)/\(bad)")).status == 400, "\(bad)")
        }
        for what in ["events?after=0", "snapshot?at=5"] {
            let request = HTTPRequest("GET", "\(base)/\(what)")
            #expect(try fixture.send(request, token: nil).status == 401)
            #expect(try fixture.send(request, token: "wrong").status == 401)
            #expect(try fixture.send(request, token: Fixture.viewToken).status == 200)
        }
    }

    @Test func `texts of agents do not make a snapshot grow without bound`() throws {
        let fixture = try Fixture()
        defer { fixture.stop() }
        let text = String(repeating: "z", count: 200 << 10)
        for _ in 0..<20 { try fixture.note(2, text: text) }
        let document = try Snapshots(fixture).at(fixture.head).document
        #expect(document.count < SnapshotRule.bytes + (400 << 10))
        #expect(Snapshot(document: document)?.document == document)
    }

    @Test func `any bytes are a snapshot or none, and never a trap`() throws {
        let fixture = try Fixture()
        defer { fixture.stop() }
        try fixture.note(3)
        let good = try Snapshots(fixture).at(3).document
        var random = SeededRandom(seed: 42)
        for _ in 0..<2000 {
            var bytes = good
            for _ in 0..<4 { bytes[random.below(bytes.count)] = UInt8(32 + random.below(95)) }
            if let snapshot = Snapshot(document: bytes) { #expect(!snapshot.document.isEmpty) }
        }
        for length in 0..<good.count { #expect(Snapshot(document: Array(good.prefix(length))) == nil) }
    }
}

@Suite struct FramePacerTests {
    @Test func `events that come one by one go at once`() {
        var pacer = FramePacer()
        for now in stride(from: Int64(1000), to: 60_000, by: 37) {
            let earliest = pacer.earliest(at: now)
            #expect(earliest == now)
            pacer.sent()
        }
    }

    @Test(arguments: [Int64(0), 1, 3]) func `a burst becomes frames that keep their distance`(_ step: Int64) {
        var pacer = FramePacer()
        var frames = 0
        var waited: Int64 = 0
        var now: Int64 = 5000
        var end = now
        while frames < 500 {
            let earliest = pacer.earliest(at: now)
            #expect(earliest - now <= Channel.Limits.batchMilliseconds)
            if earliest > now {
                waited = max(waited, earliest - now)
                now = earliest
                continue
            }
            pacer.sent()
            frames += 1
            end = now
            now += step
        }
        // No more than the burst and one each few milliseconds, whatever came.
        let allowed = Int64(Channel.Limits.burstFrames) + (end - 5000) / Channel.Limits.batchMilliseconds + 1
        #expect(Int64(frames) <= allowed)
        #expect(waited <= Channel.Limits.batchMilliseconds)
    }

    @Test func `after a pause the first frames of a burst go at once again`() {
        var pacer = FramePacer()
        for _ in 0..<Channel.Limits.burstFrames { pacer.sent() }
        let first = pacer.earliest(at: 0)
        #expect(first > 0)
        let later = Channel.Limits.batchMilliseconds * Int64(Channel.Limits.burstFrames)
        for _ in 0..<Channel.Limits.burstFrames {
            let earliest = pacer.earliest(at: later)
            #expect(earliest == later)
            pacer.sent()
        }
        let next = pacer.earliest(at: later)
        #expect(next == later + Channel.Limits.batchMilliseconds)
    }
}
