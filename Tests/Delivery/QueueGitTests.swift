import Core
import Kit
import System
import TestSupport
import Testing

@testable import Delivery

/// The merge queue as it is, Core and git together, with edits that meet by chance and work that breaks the
/// tests alone or with other work; against a person who merges, tests and takes back one after the other.
@Suite struct QueueGitTests {
    /// `make deep` has hundreds.
    private static let cases = Environment.get("OPENCLAW_GIT_CASES").flatMap { UInt64($0) } ?? 12

    /// Tests that look at the names in a tree: `broken-…` makes them red, and so does a pair.
    struct Tests {
        var pairs: [(String, String)] = []

        func areRed(_ names: Set<String>) -> Bool {
            names.contains { $0.hasPrefix("broken-") }
                || pairs.contains { names.contains($0.0) && names.contains($0.1) }
        }
    }

    @Test func `the queue brings home and sends back what merging and testing one by one would`() throws {
        var total = (conflicts: 0, reds: 0, merged: 0, batches: 0)
        for seed in 1...Self.cases {
            var dice = SeededRandom(seed: seed)
            let lines = (1...12).map { "line \($0)" }
            let text = { (lines: [String]) in lines.joined(separator: "\n") + "\n" }
            let fixture = try Fixture(["a.txt": text(lines), "b.txt": text(lines)])
            let repository = try fixture.create()
            var (tests, commits) = (Tests(), [String]())
            for index in 0..<(2 + dice.below(5)) {
                var edited = lines
                edited[dice.below(12)] = "changed by \(index)"
                let name = dice.below(5) == 0 ? "broken-\(index)" : "own-\(index)"
                if index > 0, dice.below(6) == 0 { tests.pairs.append((name, "own-\(dice.below(index))")) }
                commits.append(
                    try fixture.publish(
                        [["a.txt", "b.txt"][dice.below(2)]: text(edited), name: "\(index)"],
                        on: repository.base, agent: "work", task: "t\(index)", repository))
            }
            let serial = try Self.serial(fixture, repository, commits, tests)
            var queue = QueueOnGit(repository: repository, fixture: fixture, tests: tests, dice: dice)
            guard try queue.run(commits) else {
                Issue.record("seed \(seed): the queue stands still")
                continue
            }
            #expect(queue.back == serial.back, "seed \(seed)")
            // What was done anew adds a file of its own; all else is, byte for byte, what the person has.
            let files = try Self.files(fixture, repository.path, try repository.head())
            #expect(files.filter { !$0.contains("\tanew-") } == serial.files, "seed \(seed)")
            #expect(queue.state.merged.count == commits.count, "seed \(seed)")
            total.conflicts += serial.back.values.count { $0 == "conflict" }
            total.reds += serial.back.values.count { $0 == "red" }
            total.merged += queue.state.statistics.merged
            total.batches += queue.state.statistics.batches
        }
        // Otherwise nothing met, or batches were all of one, and nothing was shown.
        #expect(total.conflicts > 0 && total.reds > 0 && total.batches < total.merged, "\(total)")
    }

    /// Mode, object and name of everything in a commit's tree.
    static func files(_ fixture: Fixture, _ place: String, _ commit: String) throws -> [String] {
        try fixture.git(["ls-tree", "-r", commit], in: place).split(separator: "\n").map(String.init)
    }

    static func names(_ files: [String]) -> Set<String> {
        Set(files.compactMap { $0.split(separator: "\t").last.map(String.init) })
    }

    /// Git, as a person uses it.
    static func serial(
        _ fixture: Fixture, _ repository: SessionRepository, _ commits: [String], _ tests: Tests
    ) throws -> (back: [String: String], files: [String]) {
        let clone = "\(fixture.directory)/serial"
        try fixture.git(["clone", "--quiet", repository.path, clone], in: fixture.directory)
        try fixture.git(["checkout", "--quiet", "--detach", repository.base], in: clone)
        try fixture.git(["fetch", "--quiet", "origin", "+refs/heads/work/*:refs/work/*"], in: clone)
        var back: [String: String] = [:]
        for (index, commit) in commits.enumerated() {
            let merge = try fixture.run(["merge", "--quiet", "--no-ff", "-m", "m", commit], in: clone)
            if !merge.status.isSuccess {
                back["t\(index)"] = "conflict"
                try fixture.git(["merge", "--abort"], in: clone)
            } else if tests.areRed(names(try files(fixture, clone, "HEAD"))) {
                back["t\(index)"] = "red"
                try fixture.git(["reset", "--quiet", "--hard", "HEAD^"], in: clone)
            }
        }
        return (back, try files(fixture, clone, "HEAD"))
    }
}

/// Core, and what it asks for done to a real repository.
private struct QueueOnGit {
    let repository: SessionRepository
    let fixture: Fixture
    let tests: QueueGitTests.Tests
    var dice: SeededRandom
    var state = SessionState()
    var back: [String: String] = [:]
    private var running: [Effect] = []
    private var seq: Int64 = 0

    init(
        repository: SessionRepository, fixture: Fixture, tests: QueueGitTests.Tests, dice: SeededRandom
    ) {
        (self.repository, self.fixture, self.tests, self.dice) = (repository, fixture, tests, dice)
    }

    private mutating func send(_ command: Command) throws {
        for body in try Core.decide(state, command) {
            seq += 1
            Core.evolve(&state, Event(seq: seq, session: Fixture.session, at: 0, body: body))
            switch body {
            case .effectIntended(let effect): running.append(effect)
            case .taskReturned(let task, _, let context):
                back[task] = back[task] ?? (context.conflict != nil ? "conflict" : "red")
            default: break
            }
        }
    }

    /// Until everything is merged; false when nothing can happen before that.
    mutating func run(_ commits: [String]) throws -> Bool {
        let tasks = commits.indices.map { PlanTask(id: "t\($0)", title: "T\($0)", writeSet: ["\($0)"]) }
        var configuration = SessionConfiguration(
            session: Fixture.session, task: "x", repository: "/r", baseCommit: repository.base,
            baseTree: try repository.tree(of: repository.base), agents: 8,
            plan: Plan(summary: "", tasks: tasks), model: "script:x", testCommand: "look")
        configuration.autoApprove = true
        try send(.start(configuration))
        for _ in 0..<2000 {
            if state.phase != .working { return true }
            guard !running.isEmpty else { return false }
            let effect = running.remove(at: dice.below(running.count))
            try perform(effect, commits)
        }
        return false
    }

    private mutating func perform(_ effect: Effect, _ commits: [String]) throws {
        var result = EffectResult.done
        switch effect {
        case .ensureAgent(let agent, _, _): result = .ready(instance: "i-\(agent)")
        case .assignTask(let agent, _, let task):
            try send(.succeeded(key: effect.key, .done))
            let index = Int(task.id.dropFirst()) ?? 0
            let isAnew = task.kind == .rework
            // It starts from what is there and bothers nobody.
            let commit =
                isAnew
                ? try fixture.publish(
                    ["anew-\(index)": "x"], on: try repository.head(), agent: agent,
                    task: "\(task.id)-\(task.attempt)", repository)
                : commits[index]
            return try send(
                .complete(agent: agent, task: task.id, isSuccess: true, summary: "", commit: commit))
        case .merge(let task, _, let commit, let onto):
            let outcome = try repository.merge(
                commit, into: onto, message: task, trailers: [], author: .agent("coder-1"),
                dateMilliseconds: 0)
            result =
                switch outcome {
                case .merged(let merged, let tree):
                    .merged(commit: merged, tree: tree, files: try repository.changedFiles(onto, merged))
                case .conflict(let conflict): .conflict(files: conflict.files, hunks: conflict.hunks)
                case .alreadyMerged: .nothingToMerge
                }
        case .runGate(_, _, let commit, _, _, _):
            let names = QueueGitTests.names(try QueueGitTests.files(fixture, repository.path, commit))
            let code = tests.areRed(names) ? 1 : 0
            result = .gate(GateOutcome(exitCode: code, output: "", milliseconds: 1))
        case .advance(_, let from, let to):
            if case .moved(let commit) = try repository.advance(from: from, to: to) {
                result = .moved(commit: commit, tree: "")
            }
        case .inspectChange(let commit, let tree):
            result = .inspected(
                ChangeInspection(base: repository.base, commit: commit, tree: tree, [], rules: []))
        case .forecast(_, let commit):
            result = .forecast(files: try repository.filesChanged(by: commit), collisions: [:])
        default: break
        }
        try send(.succeeded(key: effect.key, result))
    }
}
