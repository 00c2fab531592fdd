// What a check of the journal can know, on journals that were changed in every way.
import Kit
import System
import Testing

@testable import Journal

@Suite struct VerifyTests {
    private static func sql(_ path: String, _ statement: String) throws {
        let outcome = try Spawn.run(Spawn.Command(["sqlite3", path, statement]))
        #expect(outcome.status.isSuccess, "\(outcome.stderrText)")
    }

    /// A session of seven events, two of which are signed.
    private static func write(_ journal: Journal) throws {
        try journal.append(
            "s",
            [
                JournalTests.note("a"), .approvalGranted(tree: "t", by: "user"), JournalTests.note("b"),
                JournalTests.note("c"), .sessionCancelled(by: "user"), JournalTests.note("d"),
                JournalTests.note("e"),
            ], at: 1)
    }

    /// The chain made anew from an event on, as anybody can who may write the file.
    private static func rebuild(_ path: String) throws {
        let database = try Database(path)
        var previous = ""
        for (row, _) in try database.rows("s", after: 0, limit: .max) {
            let hash = row.hash(after: previous, session: "s")
            try sql(path, "UPDATE events SET hash='\(hash)' WHERE session='s' AND seq=\(row.seq)")
            previous = hash
        }
    }

    private static let forge =
        "UPDATE events SET data=replace(data, '\"by\":\"user\"', '\"by\":\"mallory\"') "
        + "WHERE type='approval.granted'"

    @Test func `what is sound is told with what is signed and what is noted elsewhere`() throws {
        try JournalTests.withDirectory { directory in
            let journal = try Journal(path: "\(directory)/j.db", heads: "\(directory)/heads")
            try Self.write(journal)
            let result = try journal.verify("s")
            #expect(
                result == Verification(sound: 7, problem: nil, checkpoints: 2, unsigned: 2, noted: 2),
                "\(result)")
            #expect(result.summary.contains("2 events after the last"))
            let plain = try Journal(path: "\(directory)/k.db")
            try plain.append("s", [JournalTests.note("a")], at: 1)
            #expect(try plain.verify("s").summary.contains("none of them signed yet"))
        }
    }

    @Test func `a chain that was made anew is found when its checkpoints were deleted, all or one`() throws {
        for deleted in ["1", "seq=2", "seq=5"] {
            try JournalTests.withDirectory { directory in
                let path = "\(directory)/j.db"
                try Self.write(Journal(path: path))
                try Self.sql(path, Self.forge)
                try Self.sql(path, "DELETE FROM checkpoints WHERE \(deleted)")
                try Self.rebuild(path)
                let problem = try Journal(path: path).verify("s").problem
                #expect(problem != nil, "checkpoints \(deleted)")
            }
        }
        // Without any change but that.
        try JournalTests.withDirectory { directory in
            let path = "\(directory)/j.db"
            try Self.write(Journal(path: path))
            try Self.sql(path, "DELETE FROM checkpoints WHERE seq=5")
            let problem = try Journal(path: path).verify("s").problem
            #expect(problem?.contains("its checkpoint is missing") == true, "\(problem ?? "nothing")")
        }
    }

    @Test func `a checkpoint that was taken out or moved breaks the chain of checkpoints`() throws {
        try JournalTests.withDirectory { directory in
            let path = "\(directory)/j.db"
            try Self.write(Journal(path: path))
            try Self.sql(path, "DELETE FROM checkpoints WHERE seq=2")
            let problem = try Journal(path: path).verify("s").problem
            #expect(problem?.contains("a checkpoint before the one at event 5 is missing") == true)
            try Self.sql(path, "UPDATE checkpoints SET number=1")
            let moved = try Journal(path: path).verify("s").problem
            #expect(moved?.contains("not signed with this journal's key, or follows another") == true)
        }
    }

    @Test func `a chain that was made anew and signed anew is found by the heads that were noted elsewhere`()
        throws
    {
        try JournalTests.withDirectory { directory in
            let (path, heads) = ("\(directory)/j.db", "\(directory)/heads")
            try Self.write(Journal(path: path, heads: heads))
            let kept = try #require(HeadBook(path: heads).heads("s").first)
            let lines = try Files.readText(heads)
            try Self.sql(path, Self.forge)
            try Self.rebuild(path)
            // With the journal's own key: everything fits again.
            do {
                let journal = try Journal(path: path)
                try Self.sql(path, "DELETE FROM checkpoints")
                for (row, hash) in try journal.database.rows("s", after: 0, limit: .max)
                where Checkpoint.isDue(seq: row.seq, type: row.type) {
                    let checkpoint = Checkpoint(
                        session: "s", seq: row.seq, hash: hash, link: try journal.database.nextLink("s"))
                    try journal.database.insert(checkpoint, signature: journal.signer.sign(checkpoint))
                }
                #expect(try journal.verify("s").problem == nil)
                // A commit's trailer has the first digits.
                let trailer = "\(kept.seq):\(kept.hash.prefix(16))"
                #expect(
                    try journal.verify("s", heads: [trailer]).problem?.contains("noted elsewhere") == true)
                #expect(
                    try journal.verify("s", heads: ["900:\(kept.hash)"]).problem?.contains("gone") == true)
            }
            let journal = try Journal(path: path, heads: heads)
            #expect(try Files.readText(heads) == lines)
            #expect(try journal.verify("s").problem?.contains("noted elsewhere") == true)
        }
    }

    @Test func `a journal of a version that did not number its checkpoints is read and goes on`() throws {
        try JournalTests.withDirectory { directory in
            let path = "\(directory)/j.db"
            do {
                let journal = try Journal(path: path)
                try Self.write(journal)
                // As it was: without numbers, and signed without them.
                for (checkpoint, _) in try journal.database.checkpoints("s") {
                    var old = checkpoint
                    old.link = nil
                    try Self.sql(
                        path,
                        "UPDATE checkpoints SET number=NULL, signature='\(journal.signer.sign(old))' "
                            + "WHERE seq=\(old.seq)")
                }
            }
            try Self.sql(path, "ALTER TABLE checkpoints DROP COLUMN number")
            let journal = try Journal(path: path)
            #expect(try journal.verify("s").problem == nil)
            try journal.append("s", [.sessionCancelled(by: "user")], at: 2)
            #expect(try journal.verify("s") == Verification(sound: 8, checkpoints: 3))
            try Self.sql(path, "UPDATE checkpoints SET number=NULL WHERE seq=8")
            #expect(try journal.verify("s").problem != nil)
        }
    }

    @Test(arguments: [
        "", "1", "1:", ":abc", "0:0123456789abcdef", "-1:0123456789abcdef", "1:0123456789ABCDEF", "1:01",
    ])
    func `what is no head is none`(text: String) { #expect(HeadBook.Head(text) == nil) }

    @Test func `a session that is removed and made anew is another one in the book of heads`() throws {
        try JournalTests.withDirectory { directory in
            let journal = try Journal(path: "\(directory)/j.db", heads: "\(directory)/heads")
            try Self.write(journal)
            try journal.append("other", [.sessionCancelled(by: "user")], at: 1)
            try journal.forget("s")
            try Self.write(journal)
            #expect(try journal.verify("s").problem == nil && journal.verify("other").noted == 1)
        }
    }

    @Test func `the journal is its user's alone, whoever made its directory and whatever was there`() throws {
        try JournalTests.withDirectory { directory in
            try Files.chmod(directory, 0o755)
            try Files.write("\(directory)/j.db", [], mode: 0o644)
            let journal = try Journal(path: "\(directory)/j.db", heads: "\(directory)/heads")
            try Self.write(journal)
            for name in try Files.list(directory) {
                let mode = try Files.status("\(directory)/\(name)").mode & 0o777
                #expect(mode == 0o600, "\(name): \(String(mode, radix: 8))")
            }
        }
    }
}
