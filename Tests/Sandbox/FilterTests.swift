// Filters that were compiled at build time are those that libseccomp makes now, or none at all.
import Kit
import System
import TestSupport
import Testing

@testable import Sandbox

@Suite struct FilterTests {
    private func file() throws -> [UInt8] {
        let path = try Files.temporaryDirectory(prefix: "filters") + "/filters"
        try FilterStore.write(path)
        return try Files.read(path)
    }

    @Test(arguments: SandboxPolicy.Filter.allCases)
    func `what is read is what libseccomp compiles`(kind: SandboxPolicy.Filter) throws {
        let read = FilterStore.read(try file(), kind)
        let compiled = try SystemCallFilter.compile(kind)
        #expect(read == compiled && compiled.watched != compiled.plain)
        #expect(compiled.watched.count > 500 && compiled.watched.count % 8 == 0)
    }

    @Test func `a file that is cut, longer or of other rules is not used`() throws {
        let whole = try file()
        for end in whole.indices { #expect(FilterStore.read(Array(whole[..<end]), .shell) == nil) }
        #expect(FilterStore.read(whole + [0], .shell) == nil)
        for index in 0..<18 {
            var other = whole
            other[index] ^= 1
            #expect(FilterStore.read(other, .strict) == nil, "byte \(index)")
        }
    }

    @Test func `fuzz: a broken file is read or refused`() throws {
        var random = SeededRandom(seed: 4)
        let whole = try file()
        for _ in 0..<500 {
            if let programs = FilterStore.read(random.mutate(whole), .shell) {
                #expect(programs.watched.count % 8 == 0 && !programs.plain.isEmpty)
            }
        }
    }
}
