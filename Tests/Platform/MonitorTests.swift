import Kit
import System
import Testing
import Wire

@testable import Platform

@Suite struct MonitorTests {
    /// Plays QEMU's side: greets, and answers each command with what `answer` gives.
    private static func play(
        greeting: String = #"{"QMP":{"version":{},"capabilities":[]}}"#,
        answer: @escaping @Sendable (JSON) -> [String]
    ) throws -> Monitor {
        Signals.ignoreSIGPIPE()
        let (ours, theirs) = try Sockets.socketPair().split()
        Worker.start("qemu") {
            try? IO.writeAll(theirs.raw, Array((greeting + "\n").utf8))
            var lines = JSONLines()
            while let bytes = try? IO.read(theirs.raw), !bytes.isEmpty {
                for command in (try? lines.receive(bytes)) ?? [] {
                    for line in answer(command) { try? IO.writeAll(theirs.raw, Array((line + "\n").utf8)) }
                }
            }
            theirs.close()
        }
        return Monitor(ours)
    }

    private static func agree(_ command: JSON) -> String {
        #"{"return":{},"id":\#(command["id"]?.intValue ?? 0)}"#
    }

    @Test func `it waits for the greeting, asks for leave once, and tells events from answers`() throws {
        let said = Condition<[String]>([])
        let monitor = try Self.play { command in
            said.withLock { $0.append(command["execute"]?.stringValue ?? "") }
            return [#"{"event":"STOP","timestamp":{"seconds":1,"microseconds":2}}"#, Self.agree(command)]
        }
        try monitor.stop()
        try monitor.proceed()
        #expect(said.withLock { $0 } == ["qmp_capabilities", "stop", "cont"])
        monitor.close()
    }

    @Test func `a refusal is told in the monitor's words`() throws {
        let monitor = try Self.play { command in
            let id = command["id"]?.intValue ?? 0
            return command["execute"]?.stringValue == "stop"
                ? [#"{"error":{"class":"GenericError","desc":"not now"},"id":\#(id)}"#]
                : [Self.agree(command)]
        }
        let error = #expect(throws: PlatformError.self) { try monitor.stop() }
        #expect(error?.message == "the machine's monitor: stop: not now")
        monitor.close()
    }

    @Test(arguments: [
        "no json", String(repeating: "x", count: 100_000), "{\"QMP\":1}\n{\"id\":",
        (100...130).map { #"{"return":{},"id":\#($0)}"# }.joined(separator: "\n"),
    ])
    func `who is no monitor is given up at once`(_ greeting: String) throws {
        let monitor = try Self.play(greeting: greeting) { _ in ["]"] }
        let start = Clock.monotonicNanoseconds()
        #expect(throws: PlatformError.self) { try monitor.stop() }
        #expect(Clock.monotonicNanoseconds() - start < 5_000_000_000)
        monitor.close()
    }
}
