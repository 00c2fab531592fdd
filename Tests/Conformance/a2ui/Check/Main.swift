// The validator of the coordinator on standard input, for the conformance suite: one update a line, as an
// agent would send it; one line back, `{"messages":[…]}` as viewers get them or `{"error":…}`.
// `a2ui-check catalog` prints our catalog.
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
                let messages = try JSON.parse(Array(line)).arrayValue ?? []
                answer = ["messages": .array(try surfaces.update(messages))]
            } catch {
                answer = ["error": .string("\(error)")]
            }
            try IO.writeAll(1, answer.serialized() + [0x0A])
        }
    }
}
