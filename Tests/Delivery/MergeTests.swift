import Testing

@testable import Delivery

@Suite struct MergeTests {
    @Test func `a merge is a commit with both parents and its trailers, the same each time`() throws {
        let fixture = try Fixture()
        let repository = try fixture.create()
        let commit = try fixture.publish(
            ["c.txt": "c"], on: repository.base, agent: "coder-1", task: "t1", repository)
        let outcome = try fixture.merge(commit, into: repository.branch, repository)
        guard case .merged(let merged, let tree) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(try fixture.merge(commit, into: repository.branch, repository) == outcome)
        #expect(try repository.tree(of: merged) == tree)
        #expect(
            try fixture.git(["rev-list", "--parents", "-1", merged], in: repository.path)
                == "\(merged) \(repository.base) \(commit)")
        let format = "--format=%an <%ae> %at%n%(trailers:key=Openclaw-Task,valueonly)%s"
        #expect(
            try fixture.git(["log", "-1", format, merged], in: repository.path)
                == "coder-1 <coder-1@openclaw.invalid> 1700000000\nt1\nMerge t1")
        #expect(try repository.head() == repository.base)
        #expect(try repository.advance(from: repository.base, to: merged) == .advanced)
        #expect(try repository.advance(from: repository.base, to: merged) == .alreadyThere)
        #expect(try repository.advance(from: repository.base, to: commit) == .moved(merged))
        #expect(try fixture.merge(commit, into: repository.branch, repository) == .alreadyMerged)
    }

    @Test func `both sides of a conflict are shown, with what was before`() throws {
        let fixture = try Fixture()
        let repository = try fixture.create()
        let one = try fixture.publish(
            ["a.txt": "one\nTWO\nthree\n", "n.txt": "1"], on: repository.base, agent: "coder-1", task: "t1",
            repository)
        let other = try fixture.publish(
            ["a.txt": "one\n2\nthree\n"], on: repository.base, agent: "coder-2", task: "t2", repository)
        guard case .merged(let head, _) = try fixture.merge(one, into: repository.base, repository) else {
            Issue.record("the first was not merged")
            return
        }
        guard case .conflict(let conflict) = try fixture.merge(other, into: head, repository) else {
            Issue.record("no conflict")
            return
        }
        #expect(conflict.files == ["a.txt"])
        for part in ["=== a.txt", "TWO\n", "||||||| ", "two\n", "2\n>>>>>>> ", "CONFLICT (content)"] {
            #expect(conflict.hunks.contains(part), "\(part) in \(conflict.hunks)")
        }
    }

    @Test func `a file deleted on one side and changed on the other is a conflict in words`() throws {
        let fixture = try Fixture()
        let repository = try fixture.create()
        let one = try fixture.publish(
            ["b.txt": "B\n"], on: repository.base, agent: "coder-1", task: "t1", repository)
        let clone = "\(fixture.directory)/clone-coder-1-t1"
        try fixture.git(["checkout", "--quiet", "--detach", repository.base], in: clone)
        try fixture.git(["rm", "--quiet", "b.txt"], in: clone)
        let other = try fixture.commit([:], in: clone, "delete")
        try fixture.git(["push", "--quiet", "origin", "HEAD:refs/heads/work/x/y/z"], in: clone)
        guard case .conflict(let conflict) = try fixture.merge(one, into: other, repository) else {
            Issue.record("no conflict")
            return
        }
        #expect(conflict.files == ["b.txt"])
        #expect(conflict.hunks.contains("CONFLICT (modify/delete)"))
    }

    @Test func `an overlap is forecast before it is a conflict`() throws {
        let fixture = try Fixture()
        let repository = try fixture.create()
        let base = repository.base
        let one = try fixture.publish(
            ["a.txt": "1\ntwo\nthree\n"], on: base, agent: "coder-1", task: "t1", repository)
        let two = try fixture.publish(
            ["a.txt": "uno\ntwo\nthree\n"], on: base, agent: "coder-2", task: "t2", repository)
        let three = try fixture.publish(["b.txt": "x\n"], on: base, agent: "coder-3", task: "t3", repository)
        #expect(try repository.overlap(one, two) == Overlap(files: ["a.txt"], conflicting: ["a.txt"]))
        #expect(try repository.overlap(one, three) == Overlap(files: [], conflicting: []))
    }

    @Test func `branches without a common history are an error, not a merge`() throws {
        let fixture = try Fixture()
        let repository = try fixture.create()
        let clone = "\(fixture.directory)/orphan"
        try fixture.git(["clone", "--quiet", repository.path, clone], in: fixture.directory)
        try fixture.git(["checkout", "--quiet", "--orphan", "other"], in: clone)
        let orphan = try fixture.commit(["z": "z"], in: clone, "orphan")
        try fixture.git(["push", "--quiet", "origin", "HEAD:refs/heads/work/x/y/z"], in: clone)
        #expect(throws: DeliveryError.self) { try fixture.merge(orphan, into: repository.base, repository) }
        #expect(throws: DeliveryError.self) { try repository.overlap(orphan, repository.base) }
    }

    @Test func `a long hunk keeps its place and a few lines around it`() {
        let before = (1...20).map { "line \($0)" }.joined(separator: "\n")
        let text =
            "\(before)\n<<<<<<< a\nx\n=======\ny\n>>>>>>> b\nafter\n<<<<<<< a\nz\n>>>>>>> b\n1\n2\n3\n4\n"
        let cut = ConflictHunks.cut(from: text)
        #expect(cut.hasPrefix("@@ line 18\nline 18\n"))
        #expect(cut.hasSuffix("1\n2\n3\n"))
        #expect(cut.split(separator: "\n").filter { $0 == "after" }.count == 1)
    }
}
