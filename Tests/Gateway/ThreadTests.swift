import Kit
import Testing
import Wire

@testable import Gateway

@Suite struct ThreadTests {
    private func thread(_ bytes: Int) -> ThreadBook.Thread {
        ThreadBook.Thread(
            messages: [["role": "user", "content": "a"]], system: "s", tools: nil, bytes: bytes)
    }

    private func going(on id: String) -> JSON {
        [
            "thread": ["type": "continue", "previous_message_id": .string(id)],
            "messages": [["role": "user", "content": "b"]],
        ]
    }

    @Test func `a request that goes on is made whole, once, and what was not used for longest goes`() throws {
        var book = ThreadBook(limit: 100)
        book.hold("m1", thread(60), after: nil)
        let (request, isHeld, earlier) = try book.expand(going(on: "m1"))
        #expect(request["messages"]?.arrayValue?.count == 2)
        #expect(request["system"] == "s" && request["thread"] == nil)
        #expect(isHeld && earlier == "m1")
        book.hold("m2", thread(60), after: "m1")
        let failure = #expect(throws: GuestFailure.self) { _ = try book.expand(going(on: "m1")) }
        #expect(failure?.json(requestID: "r")["error"]?["details"]?["error_code"] == "thread_not_found")
        book.hold("m3", thread(50), after: nil)
        #expect(throws: GuestFailure.self) { _ = try book.expand(going(on: "m2")) }
        #expect(throws: Never.self) { _ = try book.expand(going(on: "m3")) }
        book.hold("m4", thread(101), after: nil)
        #expect(throws: GuestFailure.self) { _ = try book.expand(going(on: "m4")) }
        #expect(throws: GuestFailure.self) { _ = try book.expand(["thread": ["type": "fork"]]) }
        #expect(try book.expand(question).isHeld == false)
    }

    @Test func `the provider gets the whole conversation and hears nothing of threads`() throws {
        let provider = try StubProvider(StubProvider.stream(Array(Golden.message.utf8)))
        let stage = try Stage(provider)
        let beta = [("anthropic-beta", "message-threads-2026-08-12")]
        var first = question
        first["thread"] = ["type": "create"]
        first["system"] = "be brief"
        #expect(try stage.send(first, headers: beta).json()["id"] == "msg_1")
        var second: JSON = ["model": "x", "max_tokens": 100]
        second["thread"] = ["type": "continue", "previous_message_id": "msg_1"]
        second["messages"] = [
            [
                "role": "user",
                "content": [
                    ["type": "tool_result", "tool_use_id": "toolu_1", "content": "1"],
                    ["type": "tool_result", "tool_use_id": "toolu_2", "content": "2"],
                ],
            ]
        ]
        let answer = try stage.send(second, headers: beta)
        #expect(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
        let asked = try #require(provider.requests.last)
        let body = try asked.json()
        #expect(asked.headers["anthropic-beta"] == nil)
        #expect(body["thread"] == nil)
        #expect(body["messages"]?.arrayValue?.count == 3)
        #expect(body["messages"]?[1]?["content"]?[0]?["signature"] == "EqQBCgIYAhIM")
        #expect(body["system"]?[0]?["text"] == "be brief")
    }
}
