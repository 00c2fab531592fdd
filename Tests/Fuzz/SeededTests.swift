// The properties of scripts/fuzz on seeded edits of its corpus, for the second that every test run has.
import Kit
import System
import TestSupport
import Testing

@testable import Sandbox

@Suite struct SeededTests {
    private static let rounds = 400
    /// Whole answers, each of which goes a long way.
    private static let answerRounds = 150

    private func corpus(_ target: FuzzTarget, file: String = #filePath) throws -> [[UInt8]] {
        let directory = "\(Files.parent(of: file))/corpus/\(target.rawValue)"
        let files = try Files.list(directory).sorted().map { try Files.read("\(directory)/\($0)") }
        return target == .filters ? files + [try written()] : files
    }

    /// What this program writes: binary, and another one with each change of a rule.
    private func written() throws -> [UInt8] {
        let directory = try Files.temporaryDirectory(prefix: "filters")
        defer { try? Files.removeTree(directory) }
        try FilterStore.write("\(directory)/filters")
        return try Files.read("\(directory)/filters")
    }

    @Test(arguments: FuzzTarget.allCases)
    func `a property holds on edits of its corpus`(_ target: FuzzTarget) throws {
        var random = SeededRandom(seed: 20_261_126)
        let files = try corpus(target)
        #expect(!files.isEmpty)
        for bytes in files {
            try target.check(bytes)
            for round in 0..<(target.isAnswer ? Self.answerRounds : Self.rounds) {
                var edited = bytes
                // An answer's form mostly stays, and its numbers are what nobody expects.
                if !target.isAnswer || round % 3 == 0 { edited = random.mutate(edited) }
                if target.isAnswer { edited = random.mutateNumbers(edited) }
                do throws(Broken) {
                    try target.check(edited)
                } catch {
                    Issue.record("round \(round): \(error): \(String(decoding: edited, as: UTF8.self))")
                }
            }
        }
    }

    @Test(arguments: FuzzTarget.allCases)
    func `a property holds on bytes that are nothing`(_ target: FuzzTarget) throws {
        var random = SeededRandom(seed: 7)
        for _ in 0..<200 { try target.check((0..<random.below(64)).map { _ in UInt8(random.below(256)) }) }
        try target.check([])
    }

    @Test func `what this program writes of filters is read`() throws {
        let bytes = try written()
        #expect(FilterStore.read(bytes, .shell) != nil)
        try FuzzTarget.filters.check(bytes)
    }
}
