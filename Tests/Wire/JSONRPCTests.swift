import Kit
import Synchronization
import System
import Testing
import Wire

@Suite struct JSONLinesTests {
    @Test func `lines are cut however the bytes come`() {
        let bytes = Array("{\"a\":1}\n\n\r\n[2]\r\n\"é\"\n".utf8)
        let outcomes = outcomesOfSplits(bytes) { pieces in
            var lines = JSONLines()
            let values = try? pieces.flatMap { try lines.receive($0) }
            return "\(values ?? []) \(lines.isBetweenLines)"
        }
        #expect(outcomes == ["[{\"a\":1}, [2], \"é\"] true"])
    }

    @Test func `a line over the limit is refused before its end came`() throws {
        var lines = JSONLines(limit: 4)
        #expect(try lines.lines(Array("1234\n".utf8)).count == 1)
        #expect(throws: JSONLinesError.lineTooLong(limit: 4)) { try lines.lines(Array("12345".utf8)) }
        var whole = JSONLines(limit: 4)
        #expect(try whole.lines(Array("1\n12345\n".utf8)) == [[0x31]])
        #expect(throws: JSONLinesError.lineTooLong(limit: 4)) { try whole.lines([]) }
    }

    @Test func `an error names the line`() throws {
        var lines = JSONLines()
        #expect(try lines.receive(Array("1\n\nx\n2\n".utf8)) == [1])
        let error = #expect(throws: JSONLinesError.self) { try lines.receive([]) }
        #expect(error?.description.hasPrefix("line 3: ") == true)
    }
}

@Suite struct JSONRPCMessageTests {
    @Test(arguments: [
        JSONRPCMessage.request(id: .number(1), method: "m", params: ["a": 1]),
        .request(id: .string("x"), method: "m", params: [1]),
        .notification(method: "n", params: [:]),
        .response(id: .number(1), result: .null),
        .failure(id: nil, JSONRPCError(code: -32700, message: "bad")),
        .failure(id: .number(2), JSONRPCError(code: -32000, message: "no", data: [1])),
    ])
    func `a message survives the wire`(message: JSONRPCMessage) throws {
        #expect(try JSONRPCMessage(JSON.parse(message.json.serialized())) == message)
    }

    @Test(arguments: [
        #"[]"#, #"{}"#, #"{"jsonrpc":"1.0","method":"m"}"#, #"{"jsonrpc":"2.0"}"#,
        #"{"jsonrpc":"2.0","method":1}"#, #"{"jsonrpc":"2.0","method":"m","params":1}"#,
        #"{"jsonrpc":"2.0","method":"m","id":1.5}"#, #"{"jsonrpc":"2.0","method":"m","id":null}"#,
        #"{"jsonrpc":"2.0","id":1,"result":1,"error":{"code":1,"message":"m"}}"#,
        #"{"jsonrpc":"2.0","id":1,"error":{"code":"x","message":"m"}}"#, #"{"jsonrpc":"2.0","result":1}"#,
        #"{"jsonrpc":"2.0","id":1,"method":"m","result":1}"#,
    ])
    func `what is no message is an invalid request`(text: String) {
        let error = #expect(throws: JSONRPCError.self) { try JSONRPCMessage(JSON.parse(text)) }
        #expect(error?.code == JSONRPCError.invalidRequestCode)
    }
}

@Suite struct JSONRPCPeerTests {
    private func pair(
        limits: JSONRPCPeer.Limits = JSONRPCPeer.Limits(),
        onRequest: @escaping @Sendable (String, JSON) throws -> JSON,
        onNotification: @escaping @Sendable (String, JSON) -> Void = { _, _ in }
    ) throws -> (JSONRPCPeer, JSONRPCPeer) {
        let (first, second) = try Sockets.socketPair().split()
        let caller = JSONRPCPeer(input: first, output: first, limits: limits)
        let server = JSONRPCPeer(
            input: second, output: second, limits: limits, onRequest: onRequest,
            onNotification: onNotification)
        caller.start()
        server.start()
        return (caller, server)
    }

    @Test func `calls of many threads get their own answers`() throws {
        let (caller, server) = try pair { method, params in ["method": .string(method), "params": params] }
        let wrong = Mutex(0)
        let workers = (0..<8).map { number in
            Worker.start("caller") {
                for round in 0..<20 {
                    let params: JSON = ["n": JSON(number * 100 + round)]
                    let answer = try? caller.call("echo", params)
                    if answer?["params"] != params { wrong.withLock { $0 += 1 } }
                }
            }
        }
        for worker in workers { worker.join() }
        #expect(wrong.withLock { $0 } == 0)
        caller.close()
        server.close()
    }

    @Test func `errors of a handler reach the caller`() throws {
        struct Odd: Error {}
        let (caller, server) = try pair { method, _ in
            if method == "odd" { throw Odd() }
            throw JSONRPCError.invalidParams("path is missing")
        }
        #expect(throws: JSONRPCCallError.remote(method: "m", .invalidParams("path is missing"))) {
            try caller.call("m")
        }
        #expect(throws: JSONRPCCallError.remote(method: "odd", .server("Odd()"))) { try caller.call("odd") }
        // The caller has no handler of its own.
        #expect(throws: JSONRPCCallError.remote(method: "x", .methodNotFound("x"))) { try server.call("x") }
        caller.close()
    }

    @Test func `notifications come in order and a late answer is dropped`() throws {
        let seen = Condition<[Int]>([])
        let gate = Condition(false)
        let (caller, server) = try pair(
            onRequest: { method, _ in
                if method == "slow" { _ = gate.wait { $0 ? true : nil } }
                return .string(method)
            }, onNotification: { _, params in seen.withLock { $0.append(params["n"]?.intValue ?? -1) } })
        for number in 0..<50 { caller.notify("n", ["n": JSON(number)]) }
        let all = seen.wait(timeoutMilliseconds: 5000) { $0.count == 50 ? $0 : nil }
        #expect(all == Array(0..<50))
        #expect(throws: JSONRPCCallError.timeout(method: "slow", milliseconds: 30)) {
            try caller.call("slow", timeoutMilliseconds: 30)
        }
        // A slow request delays no other.
        #expect(try caller.call("fast") == "fast")
        gate.withLock { $0 = true }
        #expect(try caller.call("again") == "again")
        server.close()
    }

    @Test func `a closed stream fails calls under way and later ones`() throws {
        let (first, second) = try Sockets.socketPair().split()
        let ended = Condition<String?>(nil)
        let caller = JSONRPCPeer(
            input: first, output: first, onEnd: { reason in ended.withLock { $0 = reason } })
        caller.start()
        let outcome = Condition<String?>(nil)
        Worker.start("caller") {
            do throws(JSONRPCCallError) {
                _ = try caller.call("m")
            } catch {
                outcome.withLock { $0 = "\(error)" }
            }
        }
        _ = try IO.read(second.raw)
        second.close()
        #expect(outcome.wait(timeoutMilliseconds: 5000) { $0 } == "m: the peer closed")
        #expect(ended.wait(timeoutMilliseconds: 5000) { $0 } == "the peer closed")
        #expect(throws: JSONRPCCallError.closed(method: "n", reason: "the peer closed")) {
            try caller.call("n")
        }
    }

    @Test func `lines that are no messages are answered and do not end the stream`() throws {
        let (first, second) = try Sockets.socketPair().split()
        let server = JSONRPCPeer(input: first, output: first, onRequest: { _, _ in true })
        server.start()
        try Sockets.send(
            second.raw, Array("{\n{}\n{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"m\"}\n".utf8))
        var lines = JSONLines()
        var answers: [JSON] = []
        while answers.count < 3 {
            let bytes = try #require(try IO.readWithTimeout(second.raw, timeoutMilliseconds: 5000))
            answers += try lines.receive(bytes)
        }
        #expect(answers.prefix(2).map { $0["error"]?["code"]?.intValue } == [-32700, -32600])
        #expect(answers[2] == ["jsonrpc": "2.0", "id": "a", "result": true])
        server.close()
    }

    @Test func `more requests at once than the limit are refused`() throws {
        var limits = JSONRPCPeer.Limits()
        limits.requests = 1
        let gate = Condition((isEntered: false, isOpen: false))
        let (caller, _) = try pair(limits: limits) { _, _ in
            gate.withLock { $0.isEntered = true }
            _ = gate.wait { $0.isOpen ? true : nil }
            return true
        }
        let first = Worker.start("first") { _ = try? caller.call("slow") }
        _ = gate.wait(timeoutMilliseconds: 5000) { $0.isEntered ? true : nil }
        #expect(throws: JSONRPCCallError.self) { try caller.call("second") }
        gate.withLock { $0.isOpen = true }
        first.join()
        caller.close()
    }

    @Test func `a message over the line limit fails its own call only`() throws {
        var limits = JSONRPCPeer.Limits()
        limits.lineBytes = 200
        let long = JSON.string(String(repeating: "x", count: 300))
        let (caller, server) = try pair(limits: limits) { method, _ in method == "long" ? long : true }
        #expect(throws: JSONRPCCallError.self) { try caller.call("m", ["long": long]) }
        #expect(throws: JSONRPCCallError.self) { try caller.call("long") }
        #expect(try caller.call("short") == true)
        server.close()
    }
}
