import Kit
import Testing

@testable import Harness

@Suite struct DenialTests {
    private func denial(_ object: String, _ count: Int) -> JSON {
        ["layer": "seccomp", "object": .string(object), "count": JSON(count), "what": "x"]
    }

    @Test func `denials of many calls are one message with exact counts`() {
        var pending = PendingDenials()
        let isFirst = pending.add([denial("mount", 2), denial("bpf", 1)], task: "t1")
        let isSecondFirst = pending.add([denial("mount", 5)], task: nil)
        #expect(isFirst && !isSecondFirst)
        let told = pending.take()
        #expect(told.map { $0["count"]?.intValue } == [7, 1] && pending.task == "t1")
        let rest = pending.take()
        let isFirstAgain = pending.add([denial("mount", 1)], task: nil)
        #expect(rest.isEmpty && isFirstAgain)
    }

    @Test func `a flood of kinds is bounded, and still counted`() {
        var pending = PendingDenials()
        for number in 0..<200 { _ = pending.add([denial("o\(number)", 3)], task: nil) }
        let told = pending.take()
        #expect(told.count == PendingDenials.limit + 1)
        #expect(told.compactMap { $0["count"]?.intValue }.reduce(0, +) == 600)
    }
}
