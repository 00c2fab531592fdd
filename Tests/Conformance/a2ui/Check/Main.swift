// The validator of the coordinator on standard input, for the conformance suite: one update a line, as an
// agent would send it, or `{"updates":[…]}` for several after each other; one line back, either
// `{"messages":[…]}` as viewers get them or `{"error":…}`. `a2ui-check catalog` prints our catalog.
import Glibc
import Kit
import System

@main
struct Main {
    static func main() throws {
        if CommandLine.arguments.dropFirst().first == "catalog" {
            return try IO.writeAll(1, Array(A2UICatalog.sessionSchema.prettyText.utf8))
        }
        let lines = try IO.readAll(0).split(separator: UInt8(ascii: "\n"))
        for line in lines {
            // Every line is an agent of its own, so that cases do not meet.
            var surfaces = A2UISurfaces(agent: "coder-1")
            let answer: JSON
            do {
                let json = try JSON.parse(Array(line))
                let updates = json["updates"]?.arrayValue ?? [json]
                let passed = try updates.flatMap { try surfaces.update($0.arrayValue ?? []) }
                answer = ["messages": .array(passed)]
            } catch {
                answer = ["error": .string("\(error)")]
            }
            try IO.writeAll(1, answer.serialized() + [0x0A])
        }
    }
}
