import Kit
import Testing

@testable import Delivery

/// What is merged is what both sides wrote, whatever their files are called, hold and are.
@Suite struct CandidateTests {
    private let fixture: Fixture
    private let repository: SessionRepository
    private let maker: TreeMaker

    init() throws {
        fixture = try Fixture([
            ".gitattributes": "kept.txt -merge\nboth.txt merge=union\ndriven.txt merge=evil\n",
            "kept.txt": "1\n2\n3\n4\n5\n6\n", "both.txt": "first\n", "driven.txt": "1\n2\n3\n4\n5\n6\n",
            "ä.txt": "one\n", "plain.txt": "1\n2\n3\n4\n5\n6\n",
        ])
        repository = try fixture.create()
        maker = TreeMaker(fixture: fixture, repository: repository)
    }

    /// Merges two changes of the base, one after the other.
    private func merge(_ ours: [TreeMaker.Entry], _ theirs: [TreeMaker.Entry]) throws -> MergeOutcome {
        let first = try maker.commit(ours, on: repository.base)
        guard case .merged(let head, _) = try fixture.merge(first, into: repository.base, repository) else {
            throw Fixture.Failure(text: "the first was not merged")
        }
        let second = try maker.commit(theirs, on: repository.base, author: "coder-2")
        return try fixture.merge(second, into: head, repository)
    }

    private func merge(_ theirs: [TreeMaker.Entry]) throws -> MergeOutcome {
        try fixture.merge(try maker.commit(theirs, on: repository.base), into: repository.base, repository)
    }

    private func refused(_ outcome: MergeOutcome) -> [String]? {
        guard case .conflict(let conflict) = outcome else { return nil }
        return conflict.files
    }

    private func content(_ outcome: MergeOutcome, _ path: String) throws -> String? {
        guard case .merged(_, let tree) = outcome else { return nil }
        return try fixture.git(["cat-file", "blob", "\(tree):\(path)"], in: repository.path)
    }

    private static let changedTop = "one\n2\n3\n4\n5\n6\n"
    private static let changedEnd = "1\n2\n3\n4\n5\nsix\n"

    @Test func `two changes of a text are joined, of a binary file never`() throws {
        let text = try merge(
            [.init("plain.txt", Self.changedTop)], [.init("plain.txt", Self.changedEnd)])
        #expect(try content(text, "plain.txt") == "one\n2\n3\n4\n5\nsix")
        let name = Array("x.bin".utf8)
        #expect(refused(try merge([.init(name, [0, 1, 2])], [.init(name, [0, 1, 3])])) == ["x.bin"])
    }

    @Test(arguments: ["kept.txt", "driven.txt"])
    func `what attributes do not let be joined is a conflict`(_ path: String) throws {
        let outcome = try merge([.init(path, Self.changedTop)], [.init(path, Self.changedEnd)])
        #expect(refused(outcome) == [path])
    }

    @Test func `a union has the lines of both, as in a checkout`() throws {
        let outcome = try merge([.init("both.txt", "first\na\n")], [.init("both.txt", "first\nb\n")])
        #expect(try content(outcome, "both.txt") == "first\na\nb")
    }

    @Test(arguments: ["ä.txt", "plain.txt"])
    func `a conflict that was handed over unresolved is not merged`(_ path: String) throws {
        let marked = "<<<<<<< HEAD\ntwo\n=======\nthree\n>>>>>>> 5b74aa9 (work)\n"
        #expect(refused(try merge([.init(path, marked)])) == [path])
        // One that shows what a conflict looks like, and lines that look like a mark alone, are texts.
        #expect(refused(try merge([.init("new.md", marked)])) == nil)
        #expect(refused(try merge([.init(path, "Title\n=======\n<<<<<<< is a mark\n")])) == nil)
    }

    @Test func `a name that is no text is named all the same`() throws {
        let name: [UInt8] = [0x61, 0xFF, 0x0A, 0x22]
        #expect(refused(try merge([.init(name, [0, 1])], [.init(name, [0, 2])]))?.count == 1)
        let other = try merge([.init(name, Array("x\n".utf8))], [.init("plain.txt", Self.changedEnd)])
        #expect(refused(other) == nil)
    }

    @Test func `a repository within the repository is refused, a submodule with its entry is not`() throws {
        let id = String(repeating: "1", count: 40)
        #expect(refused(try merge([.init("fixture", id, mode: "160000")])) == ["fixture"])
        let entry = "[submodule \"fixture\"]\n\tpath = fixture\n\turl = ../fixture\n"
        let known = try merge([.init(".gitmodules", entry), .init("fixture", id, mode: "160000")])
        #expect(refused(known) == nil)
    }
}
