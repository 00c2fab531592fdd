import Kit
import Testing

@Suite struct ToolTimeTests {
    /// SessionRunner's: without progress for so long, an agent is given up.
    private static let stallMilliseconds = 900_000

    @Test(arguments: Role.knownTools + ["exec", "instructions", "no such tool"])
    func `every tool ends before its agent counts as stuck`(_ tool: String) {
        let time = ToolTime.of(tool)
        #expect(time.usual > 0 && time.usual <= time.longest)
        #expect(time.longest + ToolTime.slack < Self.stallMilliseconds)
    }

    @Test func `a call gets what it asks for, within bounds`() {
        let time = ToolTime.command
        #expect(time.asked([:]) == time.usual && time.asked(["timeout": 5000]) == 5000)
        #expect(time.asked(["timeout_ms": 7, "timeout": 9]) == 7)
        for (asked, given) in [
            (JSON(Int.max), time.longest), (JSON(Int.min), 1), (0, 1), ("1000", time.usual),
            (.null, time.usual),
        ] as [(JSON, Int)] {
            #expect(time.asked(["timeout": asked]) == given)
        }
        #expect(ToolTime.files.asked(["timeout": 3_600_000]) == ToolTime.files.longest)
    }
}
