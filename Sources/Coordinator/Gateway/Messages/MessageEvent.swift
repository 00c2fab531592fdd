// The gateway's inner language is the event stream of the Messages API: every provider is turned into it, and
// every form of answer is made from it.
import Kit
import Wire

/// One event of a streamed message.
struct MessageEvent: Sendable, Hashable {
    /// `message_start`, `content_block_delta` ….
    let type: String
    let data: JSON
    /// The data as the provider wrote it; passed on unchanged, so that nothing is lost on the way.
    let text: String?

    init(_ type: String, _ data: JSON, text: String? = nil) {
        var data = data
        data["type"] = .string(type)
        (self.type, self.data, self.text) = (type, data, text)
    }

    /// On the wire.
    func serialized() -> [UInt8] {
        ServerSentEvent(event: type, data: text ?? data.text).serialized()
    }

    static let ping = MessageEvent("ping", [:])
    static let stop = MessageEvent("message_stop", [:])

    static func start(id: String, model: String, usage: TokenUsage) -> MessageEvent {
        MessageEvent(
            "message_start",
            [
                "message": [
                    "id": .string(id), "type": "message", "role": "assistant", "model": .string(model),
                    "content": [], "stop_reason": nil, "stop_sequence": nil, "usage": usage.json,
                ]
            ])
    }

    static func blockStart(_ index: Int, _ block: JSON) -> MessageEvent {
        MessageEvent("content_block_start", ["index": JSON(index), "content_block": block])
    }

    static func text(_ index: Int, _ text: String) -> MessageEvent {
        MessageEvent(
            "content_block_delta",
            ["index": JSON(index), "delta": ["type": "text_delta", "text": .string(text)]])
    }

    static func input(_ index: Int, _ json: String) -> MessageEvent {
        MessageEvent(
            "content_block_delta",
            ["index": JSON(index), "delta": ["type": "input_json_delta", "partial_json": .string(json)]])
    }

    static func blockStop(_ index: Int) -> MessageEvent {
        MessageEvent("content_block_stop", ["index": JSON(index)])
    }

    static func delta(stopReason: String, usage: TokenUsage) -> MessageEvent {
        MessageEvent(
            "message_delta",
            ["delta": ["stop_reason": .string(stopReason), "stop_sequence": nil], "usage": usage.json])
    }

    /// True for what says nothing yet: the head of a message, and pings.
    var isPreamble: Bool { type == "message_start" || type == "ping" }
}
