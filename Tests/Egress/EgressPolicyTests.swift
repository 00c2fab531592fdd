// Names and addresses that look like what is on the list, or lead elsewhere.
import Kit
import System
import Testing

@testable import Egress

@Suite struct EgressPolicyTests {
    private let caller = EgressCaller(
        agent: "a-1", role: "coder", hosts: ["example.org", "*.wild.example", "example.org:8443"])

    private func request(_ line: String) -> ProxyRequest? {
        var head = ProxyRequestHead()
        guard case .head(let request) = head.add(Array("\(line) HTTP/1.1\r\n\r\n".utf8)) else { return nil }
        return request
    }

    @Test(arguments: [
        "CONNECT 93.184.216.34:443", "CONNECT [::ffff:127.0.0.1]:443", "CONNECT [::1]:443",
        "CONNECT 2130706433:443",
        "CONNECT 0x7f000001:443", "CONNECT 0177.0.0.1:443", "CONNECT 127.1:443", "CONNECT example.org:22",
        "CONNECT example.org:80443", "CONNECT user@example.org:443", "CONNECT example.org@evil.example:443",
        "GET http://example.org@evil.example/", "GET http://evil.example#@example.org/",
        "GET http://evil.example\\@example.org/", "GET http://evil.example?example.org/",
        "CONNECT wild.example:443", "CONNECT notwild.example:443", "CONNECT example.org.evil.example:443",
        "CONNECT notexample.org:443", "CONNECT example.org%00.evil.example:443", "CONNECT exampleXorg:443",
        "GET http://example.org:22/", "CONNECT a.wild.example.evil:443", "CONNECT .wild.example:443",
    ])
    func `what only looks like a listed host is not one`(line: String) {
        guard let request = request(line) else { return }
        #expect(EgressPolicy.refusal(caller, request) != nil, "\(line) is taken for \(request.target)")
    }

    @Test func `a line feed in a target ends no line of the request to the server`() {
        for text in [
            "GET http://example.org/\nX: y", "GET http://example.org/a\r\nHost: b\r\n\r\nGET http://c/",
        ] {
            guard let request = request(text) else { continue }
            let lines = String(decoding: request.origin, as: UTF8.self).split(separator: "\r\n")
            #expect(lines.count { $0.lowercased().hasPrefix("host:") } == 1)
            #expect(EgressPolicy.refusal(caller, request) == nil && request.host == "example.org")
        }
    }

    @Test(arguments: [
        "CONNECT example.org:443", "CONNECT EXAMPLE.org.:443", "CONNECT a.b.wild.example:443",
        "GET http://example.org/", "CONNECT example.org:8443",
    ])
    func `what is listed is let through`(line: String) throws {
        #expect(EgressPolicy.refusal(caller, try #require(request(line))) == nil)
    }

    @Test func `a listed name that leads to this machine or its neighbours is refused`() throws {
        let named = try #require(request("CONNECT example.org:443"))
        for text in [
            "127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.1.1", "::1", "::ffff:10.0.0.1", "fd00::1",
            "fe80::1",
        ] {
            for address in try Address.resolve(text) {
                #expect(
                    EgressPolicy.refusal(address, of: named, caller)?.contains("private") == true, "\(text)"
                )
            }
        }
    }
}
