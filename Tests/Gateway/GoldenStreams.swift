// Answers as providers send them, byte for byte; the files are in Tests/Golden.
import Kit
import System
import Wire

enum Golden {
    /// Thinking, text and a call; pings between; usage that grows, in two `message_delta`s; a block, a delta
    /// and an event that nobody knows yet.
    static let message = load("messages.sse")
    /// As vLLM and OpenAI stream: text, then two calls whose pieces are mixed, then usage alone.
    static let chat = load("chat.sse")

    /// A sealed thought, text and a call of the Responses API.
    static let responses = load("responses.sse")

    /// The top of the repository.
    static let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()

    static func load(_ name: String) -> String {
        do {
            return try Files.readText("\(root)/Tests/Golden/\(name)", limit: 1 << 20)
        } catch {
            preconditionFailure("\(error)")
        }
    }

    /// A whole answer of one text.
    static func text(
        _ text: String, input: Int = 10, cacheRead: Int = 0, output: Int = 5, stop: String = "end_turn"
    ) -> [UInt8] {
        let start: JSON = [
            "type": "message_start",
            "message": [
                "id": "msg_2", "type": "message", "role": "assistant", "model": "m", "content": [],
                "stop_reason": nil, "stop_sequence": nil,
                "usage": [
                    "input_tokens": JSON(input), "cache_read_input_tokens": JSON(cacheRead),
                    "output_tokens": 1,
                ],
            ],
        ]
        let events: [JSON] = [
            start,
            [
                "type": "content_block_start", "index": 0,
                "content_block": ["type": "text", "text": ""],
            ],
            [
                "type": "content_block_delta", "index": 0,
                "delta": ["type": "text_delta", "text": .string(text)],
            ],
            ["type": "content_block_stop", "index": 0],
            [
                "type": "message_delta",
                "delta": ["stop_reason": .string(stop), "stop_sequence": nil],
                "usage": ["output_tokens": JSON(output)],
            ],
            ["type": "message_stop"],
        ]
        return events.flatMap { event in
            ServerSentEvent(event: event["type"]?.stringValue ?? "", data: event.text).serialized()
        }
    }
}
