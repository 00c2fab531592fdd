import Glibc
import Kit
import Synchronization
import System
import Testing

@testable import Journal

@Suite struct JournalTests {
    static func withDirectory(_ body: (String) throws -> Void) throws {
        let directory = try Files.temporaryDirectory(prefix: "journal-test-")
        defer { try? Files.removeTree(directory) }
        try body(directory)
    }

    static func note(_ text: String) -> EventBody { .noteAppended(agent: "coder-1", text: text) }

    private static func verified(_ journal: Journal, _ session: String) throws -> (Int64, String?) {
        let result = try journal.verify(session)
        return (result.sound, result.problem)
    }

    @Test func `what was appended is there after it is opened again, in order and without gaps`() throws {
        try Self.withDirectory { directory in
            do {
                let journal = try Journal(path: "\(directory)/j.db")
                try journal.append("s", [Self.note("a"), Self.note("b")], at: 1)
                try journal.append("other", [Self.note("x")], at: 2)
                try journal.append("s", [Self.note("c\u{0}\n'☃")], at: 3)
            }
            let journal = try Journal(path: "\(directory)/j.db")
            let events = try journal.events("s")
            #expect(events.map(\.seq) == [1, 2, 3])
            #expect(events.map(\.body) == [Self.note("a"), Self.note("b"), Self.note("c\u{0}\n'☃")])
            #expect(try journal.sessions() == ["s", "other"])
            #expect(try journal.append("s", [Self.note("d")], at: 4).map(\.seq) == [4])
            #expect(try Self.verified(journal, "s") == (4, nil))
        }
    }

    @Test func `who asks for some types of events gets all of these and no others`() throws {
        try Self.withDirectory { directory in
            let journal = try Journal(path: "\(directory)/j.db")
            let request = EventBody.agentRequested(agent: "coder-1", role: "coder", generation: 1)
            try journal.append("s", [Self.note("a"), request, Self.note("b"), request], at: 1)
            #expect(try journal.events("s", types: ["agent.requested"]).map(\.seq) == [2, 4])
            #expect(try journal.events("s", after: 2, limit: 1, types: ["agent.requested"]).map(\.seq) == [4])
            #expect(try journal.events("s", types: ["it's none"]).isEmpty)
        }
    }

    @Test func `a session that is forgotten leaves the others as they were, and its name can be used again`()
        throws
    {
        try Self.withDirectory { directory in
            let journal = try Journal(path: "\(directory)/j.db")
            try journal.append("s", [Self.note("a")], at: 1)
            try journal.append("other", [Self.note("x"), Self.note("y")], at: 2)
            try journal.forget("s")
            #expect(try journal.sessions() == ["other"] && journal.events("s").isEmpty)
            #expect(journal.head("s") == nil)
            #expect(try Self.verified(journal, "other") == (2, nil))
            #expect(try journal.append("s", [Self.note("new")], at: 3).map(\.seq) == [1])
            #expect(try Self.verified(journal, "s") == (1, nil))
        }
    }

    @Test func `threads that append at once get each their own numbers`() throws {
        try Self.withDirectory { directory in
            let journal = try Journal(path: "\(directory)/j.db")
            let failures = Mutex(0)
            let workers = (0..<8).map { number in
                Worker.start("append") {
                    for round in 0..<25 {
                        do throws(JournalError) {
                            try journal.append("s", [Self.note("\(number)/\(round)")], at: 1)
                        } catch {
                            failures.withLock { $0 += 1 }
                        }
                    }
                }
            }
            for worker in workers { worker.join() }
            #expect(failures.withLock { $0 } == 0)
            #expect(try journal.events("s").map(\.seq) == Array(1...200))
            #expect(try Self.verified(journal, "s") == (200, nil))
        }
    }

    @Test func `an edited, a missing and a cut-off event are found`() throws {
        try Self.withDirectory { directory in
            let journal = try Journal(path: "\(directory)/j.db")
            try journal.append("s", (1...5).map { Self.note("\($0)") }, at: 1)
            func damage(_ statement: String) throws {
                let outcome = try Spawn.run(Spawn.Command(["sqlite3", "\(directory)/j.db", statement]))
                #expect(outcome.status.isSuccess, "\(outcome.stderrText)")
            }
            try damage("DELETE FROM events WHERE seq=5")
            #expect(try journal.verify("s").sound == 4)
            #expect(try journal.verify("s").problem?.contains("gone") == true)
            try damage("UPDATE events SET data='{}' WHERE seq=3")
            #expect(try journal.verify("s").problem?.contains("event 3") == true)
            try damage("DELETE FROM events WHERE seq=2")
            #expect(try journal.verify("s").problem?.contains("event 2 is missing") == true)
        }
    }

    @Test func `a tail that was cut off or written anew after a checkpoint is found`() throws {
        try Self.withDirectory { directory in
            let path = "\(directory)/j.db"
            func damage(_ statement: String) throws {
                let outcome = try Spawn.run(Spawn.Command(["sqlite3", path, statement]))
                #expect(outcome.status.isSuccess, "\(outcome.stderrText)")
            }
            do {
                let journal = try Journal(path: path)
                try journal.append(
                    "s", [Self.note("a"), .sessionCancelled(by: "user"), Self.note("b")], at: 1)
                #expect(try Self.verified(journal, "s") == (3, nil))
            }
            // Nobody remembers the head: only the signed checkpoint tells that there was more.
            try damage("DELETE FROM events WHERE seq>=2")
            let cut = try Journal(path: path)
            #expect(try Self.verified(cut, "s") == (1, "the last 1 events are gone"))
            // A chain whose hashes fit, but which is another one.
            try cut.append("s", [Self.note("forged"), Self.note("forged")], at: 1)
            let problem = try cut.verify("s").problem
            #expect(problem?.contains("not what was signed") == true, "\(problem ?? "nothing")")
            try damage("UPDATE checkpoints SET hash=(SELECT hash FROM events WHERE seq=2)")
            let forged = try cut.verify("s").problem
            #expect(forged?.contains("not signed with this journal's key") == true, "\(forged ?? "nothing")")
        }
    }

    @Test func `checkpoints come now and then without being asked for`() throws {
        try Self.withDirectory { directory in
            let journal = try Journal(path: "\(directory)/j.db")
            try journal.append("s", (1...Int(Checkpoint.interval)).map { Self.note("\($0)") }, at: 1)
            let outcome = try Spawn.run(
                Spawn.Command(["sqlite3", journal.path, "SELECT seq FROM checkpoints WHERE session='s'"]))
            #expect(outcome.stdoutText == "\(Checkpoint.interval)\n")
            #expect(try journal.verify("s").problem == nil)
        }
    }

    @Test func `a second writer is refused and told who has it`() throws {
        try Self.withDirectory { directory in
            let journal = try Journal(path: "\(directory)/j.db")
            do throws(JournalError) {
                _ = try Journal(path: "\(directory)/j.db")
                Issue.record("two writers")
            } catch {
                #expect(error.kind == .locked)
                #expect(error.message.contains("\(Processes.current())"))
            }
            #expect(journal.path.hasSuffix("j.db"))
        }
    }
}
