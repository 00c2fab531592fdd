import Kit
import System
import Testing

@testable import Delivery

/// The queue's chain of merges on real git, with edits that meet by chance, against git merging one after the
/// other in a person's clone.
@Suite struct QueueGitTests {
    private static let cases = Environment.get("OPENCLAW_GIT_CASES").flatMap { UInt64($0) } ?? 12

    private struct Dice {
        var state: UInt64

        mutating func roll(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(count))
        }
    }

    @Test func `a chain of merges conflicts where git does, and has git's trees`() throws {
        var (conflicts, merges) = (0, 0)
        for seed in 1...Self.cases {
            var dice = Dice(state: seed)
            let lines = (1...12).map { "line \($0)" }
            let text = { (lines: [String]) in lines.joined(separator: "\n") + "\n" }
            let fixture = try Fixture(["a.txt": text(lines), "b.txt": text(lines)])
            let repository = try fixture.create()
            var commits: [String] = []
            for index in 0..<(2 + dice.roll(3)) {
                var edited = lines
                edited[dice.roll(12)] = "changed by \(index)"
                let file = ["a.txt", "b.txt"][dice.roll(2)]
                commits.append(
                    try fixture.publish(
                        [file: text(edited), "own-\(index).txt": "\(index)"], on: repository.base,
                        agent: "coder-\(index)",
                        task: "t\(index)", repository))
            }
            // Git, as a person uses it.
            let clone = "\(fixture.directory)/serial"
            try fixture.git(["clone", "--quiet", repository.path, clone], in: fixture.directory)
            try fixture.git(["checkout", "--quiet", "--detach", repository.base], in: clone)
            try fixture.git(["fetch", "--quiet", "origin", "+refs/heads/work/*:refs/work/*"], in: clone)
            var tip = repository.base
            for commit in commits {
                let serial = try fixture.run(["merge", "--quiet", "--no-ff", "-m", "m", commit], in: clone)
                switch try fixture.merge(commit, into: tip, repository) {
                case .merged(let merged, let tree):
                    #expect(serial.status.isSuccess, "seed \(seed)")
                    #expect(try fixture.git(["rev-parse", "HEAD^{tree}"], in: clone) == tree, "seed \(seed)")
                    #expect(try repository.tree(of: merged) == tree)
                    tip = merged
                    merges += 1
                case .conflict(let conflict):
                    #expect(!serial.status.isSuccess && !conflict.hunks.isEmpty, "seed \(seed)")
                    try fixture.git(["merge", "--abort"], in: clone)
                    conflicts += 1
                case .alreadyMerged: Issue.record("seed \(seed): nothing to merge")
                }
            }
            // One step for the whole chain, as the queue does it.
            #expect(
                try repository.advance(from: repository.base, to: tip)
                    == (tip == repository.base ? .alreadyThere : .advanced))
        }
        #expect(conflicts > 0 && merges > conflicts, "\(conflicts) conflicts, \(merges) merges")
    }
}
