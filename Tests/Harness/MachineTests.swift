import Kit
import Testing
import Wire

@testable import Harness

@Suite struct MachineTests {
    @Test func `a line that is too long comes in pieces that make the whole`() {
        var splitter = LineSplitter(limit: 10)
        let text = String(repeating: "äb", count: 20)
        var lines = splitter.receive(Array((text + "\r\nrest").utf8))
        #expect(lines.count > 1)
        #expect(lines.dropLast().allSatisfy { $0.isPartial && $0.text.utf8.count <= 10 })
        #expect(lines.last?.isPartial == false)
        #expect(lines.map(\.text).joined() == text)
        lines = splitter.finish().map { [$0] } ?? []
        #expect(lines.map(\.text) == ["rest"])
        let step1 = splitter.finish()
        #expect(step1 == nil)
    }

    @Test func `dropped and delivered lines add up, and a gap stands where the lines were`() {
        var queue = OutputQueue(limit: 1000)
        var sent = 0
        var delivered = 0
        var gaps = 0
        for round in 0..<50 {
            for _ in 0..<20 {
                queue.append(OutputQueue.LogLine(stream: "stdout", line: "line \(sent)", source: "agent"))
                sent += 1
            }
            queue.append(["round": JSON(round)])
            for _ in 0..<(round % 7) { count(queue.next(), &delivered, &gaps) }
        }
        while let entry = queue.next() { count(entry, &delivered, &gaps) }
        #expect(queue.isEmpty)
        #expect(gaps == queue.dropped)
        #expect(gaps > 0)
        #expect(delivered + gaps == sent)
    }

    private func count(_ entry: OutputQueue.Entry?, _ delivered: inout Int, _ gaps: inout Int) {
        switch entry {
        case .log: delivered += 1
        case .gap(let dropped): gaps += dropped
        case .message, nil: break
        }
    }

    @Test func `messages are never dropped and keep their order`() {
        var queue = OutputQueue(limit: 0)
        for number in 0..<5000 { queue.append(["n": JSON(number)]) }
        var seen: [Int] = []
        while case .message(let json)? = queue.next() { seen.append(json["n"]?.intValue ?? -1) }
        #expect(seen == Array(0..<5000))
    }

    @Test(
        arguments: [
            ("run", [:], -32602), ("run", ["command": [""]], -32602), ("run", ["command": ["a", 1]], -32602),
            ("exec", ["command": ["a"]], -32602), ("startServer", ["command": ["a"]], -32602),
            ("setHosts", ["hosts": [["1.2.3.4", "a b"]]], -32602), ("nothing", [:], -32601),
        ] as [(String, JSON, Int)])
    func `a wrong request is refused with the code of the protocol`(method: String, params: JSON, code: Int) {
        #expect { try ControlRequest(method: method, params: params) } throws: { error in
            (error as? JSONRPCError)?.code == code
        }
    }

    @Test func `shutdown goes through its stages in order, and KILL comes only after the grace`() {
        var shutdown = Shutdown()
        let step2 = shutdown.begin(now: 0, graceMilliseconds: 100)
        #expect(step2 == [.stopIntake, .signalAll(15)])
        let step3 = shutdown.begin(now: 1, graceMilliseconds: 100)
        #expect(step3 == [])
        let step4 = shutdown.step(now: 50, hasChildren: true, hasOutput: true)
        #expect(step4 == [])
        let step5 = shutdown.step(now: 100, hasChildren: true, hasOutput: true)
        #expect(step5 == [.signalAll(9)])
        let step6 = shutdown.step(now: 110, hasChildren: false, hasOutput: true)
        #expect(step6 == [.drain])
        let step7 = shutdown.step(now: 120, hasChildren: false, hasOutput: true)
        #expect(step7 == [])
        let step8 = shutdown.step(now: 130, hasChildren: false, hasOutput: false)
        #expect(step8 == [.sync])
        let stages: [String: Int64] = [
            "terminating_ms": 100, "killing_ms": 10, "draining_ms": 20, "syncing_ms": 1,
        ]
        let step9 = shutdown.step(now: 131, hasChildren: false, hasOutput: false)
        #expect(step9 == [.exit(stages)])
        let step10 = shutdown.step(now: 132, hasChildren: false, hasOutput: false)
        #expect(step10 == [])
    }

    @Test func `a host that does not read cannot keep a guest from ending`() {
        var shutdown = Shutdown()
        _ = shutdown.begin(now: 0, graceMilliseconds: 0)
        var now: Int64 = 0
        while shutdown.stage != .done, now < 100_000 {
            _ = shutdown.step(now: now, hasChildren: true, hasOutput: true)
            now += 10
        }
        #expect(shutdown.stage == .done)
        #expect(now <= 2 * Limits.drainMilliseconds + 100)
    }

    @Test func `a paused guest is not a silent one`() {
        var clock = ProgressClock(now: 0)
        clock.tick(now: 15_000, cpu: 0, every: 15_000)
        #expect(clock.age(now: 15_000) == 15_000)
        // Stopped for an hour between two ticks.
        clock.tick(now: 3_630_000, cpu: 0, every: 15_000)
        #expect(clock.age(now: 3_630_000) <= 30_000)
        clock.tick(now: 3_645_000, cpu: 5000, every: 15_000)
        #expect(clock.age(now: 3_645_000) == 0)
    }

    @Test func `a task that comes twice is done once`() throws {
        var book = TaskBook()
        var isNew = try book.accept(["id": "t1"])
        #expect(isNew)
        isNew = try book.accept(["id": "t1"])
        #expect(!isNew)
        let task = book.next()
        #expect(task?["id"] == "t1")
        isNew = try book.accept(["id": "t1"])
        #expect(!isNew)
        let isCurrent = book.cancel("t1")
        #expect(isCurrent)
        #expect(book.cancelled == ["t1"])
        book.end("t1")
        isNew = try book.accept(["id": "t1"])
        #expect(!isNew)
        isNew = try book.accept(["id": "t1", "attempt": 2])
        #expect(isNew)
        do {
            isNew = try book.accept([:])
            Issue.record("a task without an id was taken")
        } catch {
            #expect(error == .noID)
        }
    }

    @Test func `a task survives the agent that had it`() throws {
        var book = TaskBook()
        _ = try book.accept(["id": "t1"])
        _ = book.next()
        var task = book.next()
        #expect(task == nil)
        _ = book.resume()
        task = book.next()
        #expect(task?["id"] == "t1")
    }

    @Test func `tokens are compared whole`() {
        #expect(HTTPFace.areEqual("coder-1.abc", "coder-1.abc"))
        #expect(!HTTPFace.areEqual("coder-1.abc", "coder-1.abd"))
        #expect(!HTTPFace.areEqual("coder-1.abc", "coder-1.ab"))
    }

    @Test func `words keep what quotes hold together`() {
        #expect(Tools.words("commit -m 'a b' \"\" x") == ["commit", "-m", "a b", "", "x"])
    }

    @Test func `names cannot leave their directory`() {
        for name in ["", ".", "..", "a/b", "a b", "../x", "ä"] { #expect(!AgentCalls.isName(name)) }
        #expect(AgentCalls.isName("report-1.json"))
    }
}
