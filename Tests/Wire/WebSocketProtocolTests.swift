import TestSupport
import Testing
import Wire

private func server(limit: Int = 1 << 20) -> WebSocketProtocol {
    WebSocketProtocol(role: .server, messageLimit: limit)
}

private func client() -> WebSocketProtocol {
    WebSocketProtocol(role: .client, nextMask: { 0x37FA_213D })
}

private func actions(_ pieces: [[UInt8]]) -> String {
    var machine = server(limit: 100_000)
    return "\(pieces.flatMap { machine.receive($0) })"
}

/// A frame as a client sends it, with the key 00000000.
private func frame(_ first: UInt8, _ payload: [UInt8]) -> [UInt8] {
    [first, 0x80 | UInt8(payload.count), 0, 0, 0, 0] + payload
}

@Suite struct WebSocketProtocolTests {
    // RFC 6455, section 5.7.
    @Test func `the examples of the standard read and write`() {
        var machine = client()
        #expect(
            machine.send(.text("Hello"))
                == [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58])
        #expect(machine.receive([0x81, 0x05] + Array("Hello".utf8)) == [.deliver(.text("Hello"))])
        #expect(machine.receive([0x01, 0x03, 0x48, 0x65, 0x6C]) == [])
        #expect(machine.receive([0x80, 0x02, 0x6C, 0x6F]) == [.deliver(.text("Hello"))])
        var other = server()
        let masked: [UInt8] = [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]
        #expect(other.receive(masked) == [.deliver(.text("Hello"))])
        let ping: [UInt8] = [0x89, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]
        #expect(other.receive(ping) == [.send([0x8A, 0x05] + Array("Hello".utf8))])
    }

    @Test(arguments: [0, 1, 125, 126, 127, 65535, 65536, 70000])
    func `every form of a length passes both ways`(count: Int) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7) }
        var (one, two) = (client(), server())
        #expect(two.receive(one.send(.binary(bytes))) == [.deliver(.binary(bytes))])
        #expect(one.receive(two.send(.binary(bytes))) == [.deliver(.binary(bytes))])
    }

    @Test func `messages are the same however the bytes are cut`() {
        let euro: [UInt8] = [0xE2, 0x82, 0xAC]
        let bytes =
            frame(0x01, [0xE2]) + frame(0x89, [1]) + frame(0x80, [0x82, 0xAC]) + frame(0x82, [0, 0xFF])
            + frame(0x81, euro) + frame(0x88, [0x03, 0xE8, 0x62, 0x79, 0x65])
        var machine = server()
        #expect(
            machine.receive(bytes) == [
                .send([0x8A, 0x01, 1]), .deliver(.text("€")), .deliver(.binary([0, 0xFF])),
                .deliver(.text("€")),
                .send([0x88, 0x02, 0x03, 0xE8]), .close(code: 1000, reason: "bye"),
            ])
        #expect(outcomesOfSplits(bytes, actions).count == 1)
    }

    @Test(
        arguments: [
            ([0x81, 0x05], 1002),  // unmasked
            (frame(0xC1, []), 1002),  // a reserved bit
            (frame(0x83, []), 1002),  // an unknown opcode
            (frame(0x8B, []), 1002),
            (frame(0x09, []), 1002),  // a ping in pieces
            ([0x89, 0xFE, 0, 126, 0, 0, 0, 0], 1002),  // a long ping
            (frame(0x80, []), 1002),  // a continuation of nothing
            (frame(0x01, []) + frame(0x81, []), 1002),  // a message in a message
            (frame(0x88, [3]), 1002),  // half a code
            (frame(0x88, [0x03, 0xED]), 1002),  // 1005 on the wire
            (frame(0x88, [0x03, 0xE7]), 1002),  // 999
            (frame(0x88, [0x03, 0xE8, 0xFF]), 1007),
            (frame(0x81, [0xFF]), 1007),
            (frame(0x01, [0xED, 0xA0]), 1007),  // a surrogate is wrong before it is complete
            (frame(0x81, [0xE2, 0x82]), 1007),  // an incomplete character at the end
            ([0x82, 0xFE, 0, 125, 0, 0, 0, 0], 1002),  // a length that is not minimal
            ([0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0], 1002),
            ([0x82, 0xFF, 0, 0, 0, 0, 0, 0x10, 0, 1, 0, 0, 0, 0], 1009),
            ([0x82, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0], 1009),
        ] as [([UInt8], UInt16)])
    func `a violation closes with its code`(bytes: [UInt8], code: UInt16) {
        var machine = server()
        let actions = machine.receive(bytes)
        guard case .close(let closed, _) = actions.last else {
            Issue.record("no close: \(actions)")
            return
        }
        #expect(closed == code)
        #expect(machine.isClosed)
        #expect(machine.receive(frame(0x81, [])) == [])
    }

    @Test func `a closing handshake is answered once`() {
        var machine = server()
        #expect(machine.close(code: 1001, reason: "x") == [0x88, 0x03, 0x03, 0xE9, 0x78])
        #expect(machine.close() == [])
        #expect(machine.receive(frame(0x81, [0x61])) == [.deliver(.text("a"))])
        #expect(machine.receive(frame(0x88, [])) == [.close(code: 1005, reason: "")])
        var cut = server()
        guard case .close(let code, _) = cut.receiveEnd().first else {
            Issue.record("no close")
            return
        }
        #expect(code == 1006)
    }

    @Test func `a long reason is cut between characters`() {
        var machine = server()
        let bytes = machine.close(reason: String(repeating: "é", count: 100))
        #expect(bytes.count == 2 + 2 + 122)
    }

    @Test func `mutations never trap and never depend on how the bytes were cut`() {
        let corpus =
            frame(0x01, [0xC3]) + frame(0x89, [1]) + frame(0x80, [0xA9]) + frame(0x82, [0, 1, 2])
            + [0x82, 0xFE, 0, 126, 1, 2, 3, 4] + [UInt8](repeating: 9, count: 126)
            + frame(0x88, [0x03, 0xE8])
        var random = SeededRandom(seed: 13)
        for round in 0..<2000 {
            let bytes = random.mutate(corpus)
            let cut = Int.random(in: 0...bytes.count, using: &random)
            let whole = actions([bytes])
            #expect(
                whole == actions([Array(bytes[..<cut]), Array(bytes[cut...])]), "seed 13, round \(round)")
            if round < 300 { #expect(whole == actions(bytes.map { [$0] }), "seed 13, round \(round)") }
        }
    }

    // RFC 6455, section 1.3; RFC 3174, section 7.3.
    @Test func `the handshake proves what it read`() throws {
        let key = "dGhlIHNhbXBsZSBub25jZQ=="
        #expect(WebSocketHandshake.accept(key: key) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        let request = WebSocketHandshake.request("/chat", key: key, headers: ["Host": "h"])
        let headers = try WebSocketHandshake.answer(request)
        try WebSocketHandshake.verify(HTTPResponse(status: 101, headers: headers), key: key)
        #expect(throws: HTTPError.self) {
            try WebSocketHandshake.verify(
                HTTPResponse(status: 101, headers: headers), key: "AAAAAAAAAAAAAAAAAAAAAA==")
        }
        #expect(throws: HTTPError.self) {
            try WebSocketHandshake.verify(HTTPResponse(status: 200, headers: headers), key: key)
        }
    }

    @Test(
        arguments: [
            ("Upgrade", nil, 426), ("Connection", "keep-alive", 426), ("Sec-WebSocket-Version", "8", 426),
            ("Sec-WebSocket-Key", nil, 400), ("Sec-WebSocket-Key", "c2hvcnQ=", 400),
        ] as [(String, String?, Int)])
    func `a request that asks wrongly is refused`(name: String, value: String?, status: Int) {
        var request = WebSocketHandshake.request("/", key: "dGhlIHNhbXBsZSBub25jZQ==")
        request.headers[name] = value
        let error = #expect(throws: HTTPError.self) { try WebSocketHandshake.answer(request) }
        #expect(error?.status == status)
    }
}
