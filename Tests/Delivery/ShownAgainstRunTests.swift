import Kit
import System
import TestSupport
import Testing

@testable import Delivery

/// What a person is shown against what a checkout writes, on random trees, byte for byte: where they differ,
/// the list says so.
@Suite struct ShownAgainstRunTests {
    private static let seeds = Environment.get("OPENCLAW_TREE_SEEDS").flatMap { UInt64($0) } ?? 25

    private static let names: [[UInt8]] =
        [
            "a.txt", "b.py", "c.c", "d.bin", "sub/e.txt", "sub/f.py", "sub/deep/g.md", "h.ps1", "A.TXT",
            "größe.txt", "x\u{200B}.py", "q\"uote", "tab\tname", "line\nfeed", "-dash", "sp ace.txt",
            ":colon",
            "star*[x].txt", "back\\slash",
        ].map { Array($0.utf8) } + [[0x6C, 0xE4, 0x74]]

    private static let contents: [[UInt8]] =
        [
            "one\ntwo\n", "one\r\ntwo\r\n", "one\r\ntwo\n", "one\rtwo\n", "$Id$\nx\n", "no end", "",
            "\u{FEFF}mark\n", "zero\u{200B}width\n", "bidi\u{202E}\n", "\u{2018}quotes\u{2019}\n", "größe\n",
            "-- a\n++ b\n@@ -1 +1 @@\ndiff --git a/x b/x\n", "esc\u{1B}[0m\n",
        ].map { Array($0.utf8) } + [
            [0x61, 0, 0x62, 0x0A], [0xE4, 0x0A], [0x7F, 0x45, 0x4C, 0x46, 0],
            [UInt8](repeating: 0x61, count: 9000) + [0, 0x0A],
        ]

    private static let attributes = [
        "* text=auto", "*.txt eol=crlf", "*.py working-tree-encoding=UTF-16LE", "*.c ident", "* -diff",
        "*.py working-tree-encoding=ISO-8859-1", "*.bin filter=lfs", "*.md text eol=lf", "[attr]odd ident",
        "*.c odd", "sub/** eol=crlf", "*.txt -text", "*.txt text", "* binary", "*.md export-ignore",
    ]

    private struct Dice {
        var random: SeededRandom

        mutating func pick<T>(_ values: [T]) -> T { values[random.below(values.count)] }

        mutating func entries(_ count: Int) -> [TreeMaker.Entry] {
            var entries = (0..<count).map { _ -> TreeMaker.Entry in
                switch random.below(12) {
                case 0:
                    .init(
                        pick(names), Array(pick(["a.txt", "../out", "/etc/x", "sub"]).utf8), mode: "120000")
                case 1: .init(pick(names), pick(contents), mode: "100755")
                default: .init(pick(names), pick(contents))
                }
            }
            if random.below(3) == 0 {
                let lines = (0..<(1 + random.below(3))).map { _ in pick(attributes) + "\n" }.joined()
                entries.append(.init(pick([".gitattributes", "sub/.gitattributes"]), lines))
            }
            // The last of a name counts, and a name is no directory at the same time.
            var seen: Set<[UInt8]> = []
            return entries.reversed().filter { seen.insert($0.path).inserted }
        }
    }

    @Test(arguments: 1...seeds)
    func `whatever differs between what is shown and what is written is in the list`(seed: UInt64) throws {
        var dice = Dice(random: SeededRandom(seed: seed))
        let fixture = try Fixture()
        // The person's own first commit has odd files, too.
        let made = try fixture.create()
        let early = TreeMaker(fixture: fixture, repository: made)
        let start = try early.commit(dice.entries(5), on: made.base)
        let repository = SessionRepository(
            sessionDirectory: made.sessionDirectory, session: made.session, base: start)
        let maker = TreeMaker(fixture: fixture, repository: repository)
        let middle = try maker.commit(dice.entries(3), on: start)
        let head = try maker.commit(dice.entries(6), on: middle)
        let list = try repository.inspect(head, InspectionFacts())
        let shown = try repository.diff(from: start, to: head)
        let work = "\(fixture.directory)/work"
        try fixture.git(["clone", "--quiet", "--no-checkout", repository.path, work], in: fixture.directory)
        // What cannot be converted git says and writes as it is.
        _ = try fixture.run(["checkout", "--quiet", "--detach", head], in: work)
        let told = Set(list.items.map(\.path))
        let reaches = list.items.contains { $0.kind == .attributes }
        for change in try repository.rawChanges(start, head) {
            let path = ShownText.path(change.path)
            #expect(shown.files.contains { $0.path == path }, "\(path) is not among the files")
            guard !change.isDeleted, !change.isSubmodule else { continue }
            let blob = try repository.git.run(["cat-file", "blob", change.newID]).stdout
            let written = Self.written(work, change)
            #expect(
                written == blob || told.contains(path) || reaches,
                "\(path): written are \(written ?? []), shown are \(blob)")
            guard change.oldID != change.newID else { continue }
            let lines = Self.added(shown.patch, change.newID, isNew: change.isAdded)
            if let lines {
                #expect(
                    lines == blob || told.contains(path),
                    "\(path): the diff shows \(lines), the file has \(blob)")
            } else if change.isAdded, !blob.isEmpty {
                #expect(
                    told.contains(path) || shown.patch.contains("similarity index"), "\(path) is not shown")
            }
        }
        // Each commit's files are in the change or in the list.
        let net = Set(try repository.rawChanges(start, head).map(\.path))
        for change in try repository.rawChanges(start, middle) where !net.contains(change.path) {
            #expect(told.contains(ShownText.path(change.path)))
        }
    }

    /// What a checkout wrote: the content, or where a link leads. Nil when there is nothing.
    private static func written(_ work: String, _ change: RawChange) -> [UInt8]? {
        guard let name = String(validating: change.path, as: UTF8.self) else { return nil }
        let path = "\(work)/\(name)"
        if change.isLink { return (try? Files.readLink(path)).map { Array($0.utf8) } }
        guard let status = try? Files.status(path, followLinks: false), !status.isLink,
            (status.mode & 0o100 != 0) == (change.newMode == RawChange.executable)
        else { return nil }
        return try? Files.read(path, limit: 1 << 20)
    }

    /// The content of a new file as its part of the patch shows it; nil when there is no such part. Of a
    /// changed file nothing is compared: a part shows what is around a change only.
    private static func added(_ patch: String, _ id: String, isNew: Bool) -> [UInt8]? {
        guard isNew else { return nil }
        var (isHere, isHunk, found): (Bool, Bool, [UInt8]?) = (false, false, nil)
        for line in patch.byteLines {
            if line.hasPrefix("diff --git ") {
                if found != nil { break }
                (isHere, isHunk) = (false, false)
            } else if line.hasPrefix("index "), line.contains("..\(id)"), line.contains("0000000000") {
                isHere = true
            } else if isHere, line.hasPrefix("@@ ") {
                (isHunk, found) = (true, found ?? [])
            } else if isHere, isHunk, line.utf8.first == UInt8(ascii: "+") {
                found = (found ?? []) + Array(line.utf8.dropFirst()) + [0x0A]
            } else if isHere, isHunk, line.hasPrefix("\\ No newline") {
                found?.removeLast()
            }
        }
        return found
    }
}
