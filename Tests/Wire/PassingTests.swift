import Glibc
import Kit
import System
import Testing
import Wire

/// Descriptors beside messages, and answers whose length is told before.
@Suite struct PassingTests {
    @Test func `a descriptor comes with its notification, and only where one is wanted`() throws {
        Signals.ignoreSIGPIPE()
        let path = try Files.temporaryDirectory(prefix: "passing")
        defer { try? Files.removeTree(path) }
        try Files.write("\(path)/file", Array("content".utf8))
        let passed = Condition<SharedDescriptor?>(nil)
        let take: @Sendable (SharedDescriptor) -> Void = { file in passed.withLock { $0 = file } }
        for wants in [true, false] {
            let (left, right) = try Sockets.socketPair().split()
            let heard = Condition<[String]>([])
            let receiver = JSONRPCPeer(
                input: left, output: left, name: "receiver",
                onNotification: { method, _ in heard.withLock { $0.append(method) } },
                onDescriptor: wants ? take : nil)
            let sender = JSONRPCPeer(input: right, output: right, name: "sender")
            receiver.start()
            sender.start()
            let file = try Files.open("\(path)/file")
            sender.notify("before")
            sender.notify("opened", passing: file.raw)
            sender.notify("after")
            let order = heard.wait(timeoutMilliseconds: 10_000) { $0.count == 3 ? $0 : nil }
            #expect(order == ["before", "opened", "after"])
            let got = passed.withLock { descriptor in
                defer { descriptor = nil }
                return descriptor
            }
            #expect((got != nil) == wants)
            if let got { #expect(try IO.readAll(got.raw) == Array("content".utf8)) }
            receiver.close()
            sender.close()
        }
    }

    @Test func `an answer of known length is whole or cut, and never longer`() throws {
        let server = try TestServer { request, exchange in
            let length = Int64(request.query["length"] ?? "") ?? 0
            let sent = Int(request.query["sent"] ?? "") ?? 0
            try exchange.begin(200, headers: ["X-Kind": "file"], length: length)
            if sent > 0 { try exchange.write([UInt8](repeating: 7, count: sent)) }
            try exchange.end()
        }
        func ask(_ length: Int, _ sent: Int, _ method: String = "GET") throws -> HTTPResponse {
            try HTTPClient.send(
                HTTPRequest(method, "/?length=\(length)&sent=\(sent)"), to: server.address,
                timeoutMilliseconds: 10_000)
        }
        let whole = try ask(1000, 1000)
        #expect(whole.body.count == 1000 && whole.headers["Content-Length"] == "1000")
        #expect(whole.headers["Transfer-Encoding"] == nil)
        #expect(try ask(0, 0).body.isEmpty)
        #expect(throws: HTTPError.self) { try ask(1000, 10) }
        #expect(throws: HTTPError.self) { try ask(10, 1000) }
        let head = try ask(1000, 0, "HEAD")
        #expect(head.headers["Content-Length"] == "1000" && head.body.isEmpty)
    }
}
