// What a program may ask for through the relay for models.
import Kit
import TestSupport
import Testing

@Suite struct ModelRelayTests {
    private func read(_ text: String) -> ModelRequestHead.Step {
        var head = ModelRequestHead(token: "ours", host: "10.77.0.1:9090")
        return head.add(Array(text.utf8))
    }

    @Test func `who asks is said by the relay, and a connection carries one request`() {
        let text =
            "POST /anthropic/v1/messages?beta=true HTTP/1.1\r\nHost: 127.0.0.1:9090\r\nX-Api-Key: theirs\r\n"
            + "Authorization: Bearer theirs\r\nConnection: keep-alive\r\nUpgrade: h2c\r\n"
            + "Content-Length: 2\r\nanthropic-beta: a,b\r\n\r\n{}GET /coordinator/notes HTTP/1.1\r\n\r\n"
        let wanted =
            "POST /anthropic/v1/messages?beta=true HTTP/1.1\r\nHost: 10.77.0.1:9090\r\n"
            + "Authorization: Bearer ours\r\nConnection: close\r\nContent-Length: 2\r\n"
            + "anthropic-beta: a,b\r\n\r\n"
            + "{}GET /coordinator/notes HTTP/1.1\r\n\r\n"
        #expect(read(text) == .head(Array(wanted.utf8)))
    }

    @Test(arguments: [
        "GET /coordinator/notes", "GET /git/x", "POST /session/x", "GET /", "GET /anthropic",
        "GET anthropic/",
        "GET /anthropic/../coordinator/notes", "GET /anthropic/./x",
        "GET /anthropic/%2e%2e/coordinator/notes",
        "GET /openai/..", "GET /openai/a\\..\\b", "GET http://x/anthropic/", "CONNECT x:443",
        "GET //anthropic/",
        "GET /anthropic/a#b", "GET /ANTHROPIC/a",
    ]) func `nothing but models is reached`(start: String) {
        guard case .refused = read("\(start) HTTP/1.1\r\nHost: x\r\n\r\n") else {
            Issue.record("\(start) was passed on")
            return
        }
    }

    @Test(arguments: [
        "GET /openai/v1/models HTTP/1.0", "GET /openai/v1/models HTTP/2", "GET /openai/v1/models",
        "GET  /openai/v1/models HTTP/1.1", "GET /openai/v1/models HTTP/1.1\r\n folded: x",
        "GET /openai/v1/models HTTP/1.1\r\nno colon", "GET /openai/v1/models HTTP/1.1\r\nA: b\nB: c",
        "GET /openai/v1/models HTTP/1.1\r\nA b: c", "G-T /openai/v1/models HTTP/1.1",
    ]) func `what is no strict request is refused`(head: String) {
        guard case .refused = read(head + "\r\n\r\n") else {
            Issue.record("\(head) was passed on")
            return
        }
    }

    @Test func `a head that is cut anywhere waits for more, and one without an end is refused`() {
        let bytes = Array("GET /openai/v1/models HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
        let whole = read(String(decoding: bytes, as: UTF8.self))
        for cut in 0..<bytes.count {
            var head = ModelRequestHead(token: "ours", host: "10.77.0.1:9090")
            let first = head.add(Array(bytes[..<cut]))
            let second = head.add(Array(bytes[cut...]))
            #expect(first == .more && second == whole)
        }
        var endless = ModelRequestHead(token: "", host: "")
        var step = ModelRequestHead.Step.more
        for _ in 0..<100 where step == .more { step = endless.add([UInt8](repeating: 0x41, count: 1024)) }
        #expect(step == .refused("the head is longer than \(ModelRequestHead.limit) bytes"))
    }

    @Test func `whatever comes, nothing is passed on that does not begin with a model's path`() {
        var random = SeededRandom(seed: 16)
        let pieces = [
            "/anthropic/", "/openai/", "..", "%", " ", "\r\n", "HTTP/1.1", "GET", "\r\n\r\n", ":", "a", "\0",
        ]
        for _ in 0..<5000 {
            let text = (0..<Int.random(in: 1...12, using: &random)).map { _ in
                pieces[Int.random(in: 0..<pieces.count, using: &random)]
            }.joined()
            guard case .head(let bytes) = read(text) else { continue }
            let target = String(decoding: bytes, as: UTF8.self).split(separator: " ").dropFirst().first ?? ""
            #expect(ModelRequestHead.prefixes.contains { target.hasPrefix($0) } && !target.contains(".."))
        }
    }
}
