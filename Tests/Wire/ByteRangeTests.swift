import Kit
import System
import TestSupport
import Testing

@testable import Wire

@Suite struct ByteRangeTests {
    @Test(
        arguments: [
            (nil, .whole), ("bytes=0-", .part(.init(first: 0, last: 99))),
            ("bytes=0-0", .part(.init(first: 0, last: 0))),
            ("bytes=99-", .part(.init(first: 99, last: 99))),
            ("bytes=10-1000", .part(.init(first: 10, last: 99))),
            ("BYTES=5-9", .part(.init(first: 5, last: 9))), ("bytes=-1", .part(.init(first: 99, last: 99))),
            ("bytes=-500", .part(.init(first: 0, last: 99))), ("bytes=100-", .unsatisfiable),
            ("bytes=-0", .unsatisfiable), ("bytes=100-200", .unsatisfiable),
            // Hostile or unknown: the whole is the answer that is always right.
            ("bytes=", .whole), ("bytes=-", .whole), ("bytes=9-5", .whole), ("bytes=0-1,3-4", .whole),
            ("bytes=0x1-", .whole), ("bytes=+1-", .whole), ("bytes= 1-", .whole), ("bytes=1--2", .whole),
            ("bytes=99999999999999999999-", .whole), ("bytes=0-99999999999999999999", .whole),
            ("bytes=-99999999999999999999", .whole), ("items=0-1", .whole), ("bytes=١-", .whole),
        ] as [(String?, ByteRange.Request)])
    func `a range is read strictly, and what is no single range asks for the whole`(
        header: String?, request: ByteRange.Request
    ) {
        #expect(ByteRange.parse(header, size: 100) == request)
    }

    @Test func `nothing is in a range of an empty body`() {
        for header in ["bytes=0-", "bytes=-1", "bytes=0-0"] {
            #expect(ByteRange.parse(header, size: 0) == .unsatisfiable)
        }
    }

    @Test func `whatever a header says, the part lies within the body`() {
        var random = SeededRandom(seed: 7)
        let letters = Array("bytes=0123456789-, x")
        for _ in 0..<20_000 {
            let tail = String(
                (0..<Int.random(in: 0...12, using: &random)).map { _ in
                    letters.randomElement(using: &random) ?? "-"
                })
            let size = Int64.random(in: 0...300, using: &random)
            guard case .part(let range) = ByteRange.parse("bytes=" + tail, size: size) else { continue }
            #expect(0 <= range.first && range.first <= range.last && range.last < size, "\(tail) of \(size)")
            let again = ByteRange.parse(contentRange: range.contentRange(of: size))
            #expect(again?.range == range && again?.size == size)
        }
    }

    @Test(arguments: [
        "bytes 0-1", "bytes 0-1/*", "bytes 1-0/5", "bytes 0-5/5", "0-1/5", "bytes 0-1/5/6", "bytes -1/5", "",
    ])
    func `a content range that is not whole is none`(header: String) {
        #expect(ByteRange.parse(contentRange: header) == nil)
    }
}
