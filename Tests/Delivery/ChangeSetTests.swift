import Kit
import System
import Testing

@testable import Delivery

/// The diff that is shown: what it says of files, and what it does not show.
@Suite struct ChangeSetTests {
    private static func change(
        _ entries: [TreeMaker.Entry], base: [String: String] = ["a.txt": "a\n"], limitBytes: Int = 4 << 20
    ) throws -> ChangeSet {
        let fixture = try Fixture(base)
        let repository = try fixture.create()
        let maker = TreeMaker(fixture: fixture, repository: repository)
        let head = try maker.commit(entries, on: repository.base)
        return try repository.diff(from: repository.base, to: head, limitBytes: limitBytes)
    }

    @Test func `binaries, modes, links and submodules have words`() throws {
        let change = try Self.change([
            .init("a.txt", "a\n", mode: "100755"), .init(Array("nul.py".utf8), Array("x\0y".utf8)),
            .init("l", "a.txt", mode: "120000"),
            .init("s", String(repeating: "1", count: 40), mode: "160000"),
            .init("x.sh", "x\n", mode: "100755"), .init("n\nl", "1\n2\n"),
        ])
        let notes = Dictionary(change.files.map { ($0.path, $0.note) }) { first, _ in first }
        #expect(
            notes == [
                "a.txt": "mode 644 → 755", "nul.py": "binary, 3 bytes", "l": "link", "s": "submodule",
                "x.sh": "executable", "\"n\\012l\"": "",
            ])
        #expect(change.files.allSatisfy { $0.isShown })
        #expect(change.added == 5)
    }

    @Test func `a long patch begins with what is small and written by hand, and names what is cut`() throws {
        let line = String(repeating: "x", count: 99) + "\n"
        var entries = (0..<5).map {
            TreeMaker.Entry("0/gen\($0).min.js", String(repeating: line, count: 2000))
        }
        entries.append(.init("zz.py", "important = 1\n"))
        entries.append(.init("big.txt", String(repeating: line, count: 3000)))
        let change = try Self.change(entries, limitBytes: 400 << 10)
        #expect(change.isTruncated && change.patch.utf8.count <= 400 << 10)
        #expect(change.patch.hasPrefix("diff --git a/zz.py b/zz.py\n"))
        #expect(change.patch.utf8.last == 0x0A)
        let missing = change.files.filter { !$0.isShown }.map(\.path)
        #expect(Set(missing).union(["zz.py", "big.txt"]).count == 7)
        #expect(!missing.contains("zz.py") && missing.count >= 5)
        let whole = try Self.change(entries)
        #expect(!whole.isTruncated && whole.files.allSatisfy { $0.isShown })
        #expect(whole.patch.hasPrefix("diff --git a/zz.py b/zz.py\n"))
    }
}
