import Glibc
import Kit
import System
import Testing

@testable import Harness

@Suite struct RedactionTests {
    @Test func `a secret that a program prints leaves the guest by its name only, in every form`() throws {
        let guest = try Guest()
        let secret = "sk-abcdefgh+1234"
        _ = try guest.call("injectSecrets", ["secrets": ["API_KEY": .string(secret)]])
        let script =
            "echo plain $API_KEY; printf %s \"$API_KEY\" | base64; printf %s \"user:$API_KEY\" | base64;"
            + " printf %s \"$API_KEY\" | od -An -tx1 | tr -d ' \\n'; echo; echo token $OTHER_TOKEN >&2"
        _ = try guest.call(
            "run", ["command": ["/bin/sh", "-c", .string(script)], "env": ["OTHER_TOKEN": "another-secret"]])
        _ = try guest.wait(for: "processExited")
        let lines = guest.lines()
        #expect(lines.count == 4)
        #expect(lines.allSatisfy { $0.contains("[redacted API_KEY]") }, "\(lines)")
        #expect(lines.first == "plain [redacted API_KEY]")
        #expect(guest.lines("stderr") == ["token [redacted OTHER_TOKEN]"])
        #expect(!guest.heard.contains { $0.text.contains(secret) })
    }
}
