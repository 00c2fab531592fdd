import Kit
import Testing

@testable import Gateway

/// Images between the languages: those that a guest sends in OpenAI's become those of the Messages API, and
/// those of a result of a tool become those that OpenAI's servers take.
@Suite struct ImageTests {
    private static let data = "iVBORw0KGgo="
    private let url: JSON = "data:image/png;base64,iVBORw0KGgo="
    private let image: JSON = [
        "type": "image", "source": ["type": "base64", "media_type": "image/png", "data": .string(data)],
    ]

    @Test func `a guest's images in chat completions are read, also in results of tools`() throws {
        let request = try ChatRequest.messages(
            from: [
                "model": "m",
                "messages": [
                    [
                        "role": "user",
                        "content": [
                            ["type": "text", "text": "Look"],
                            ["type": "image_url", "image_url": ["url": url]],
                        ],
                    ],
                    [
                        "role": "assistant",
                        "tool_calls": [
                            ["id": "c", "type": "function", "function": ["name": "shot", "arguments": "{}"]]
                        ],
                    ],
                    [
                        "role": "tool", "tool_call_id": "c",
                        "content": [
                            ["type": "text", "text": "here"],
                            ["type": "image_url", "image_url": ["url": url]],
                        ],
                    ],
                    ["role": "tool", "tool_call_id": "d", "content": "plain"],
                ],
            ], defaultOutputTokens: 100)
        let messages = try #require(request.json["messages"]?.arrayValue)
        #expect(messages[0]["content"]?[1] == image)
        let results = try #require(messages[2]["content"]?.arrayValue)
        #expect(results[0]["content"] == [["type": "text", "text": "here"], image])
        #expect(results[1]["content"] == "plain")
    }

    @Test func `a guest's images in responses are read, also in outputs of calls`() throws {
        let request = try ResponsesRequest.messages(
            from: [
                "model": "m",
                "input": [
                    ["role": "user", "content": [["type": "input_image", "image_url": url]]],
                    ["type": "function_call", "call_id": "c", "name": "shot", "arguments": "{}"],
                    [
                        "type": "function_call_output", "call_id": "c",
                        "output": [["type": "input_image", "image_url": url]],
                    ],
                ],
            ], defaultOutputTokens: 100)
        let messages = try #require(request.json["messages"]?.arrayValue)
        #expect(messages[0]["content"] == [image])
        #expect(messages[2]["content"]?[0]?["content"] == [image])
    }

    @Test(arguments: ["https://example.org/a.png", "data:image/png,raw", "file:///etc/passwd", ""])
    func `an image that somebody would have to fetch is refused`(address: String) {
        let part: JSON = ["type": "image_url", "image_url": ["url": .string(address)]]
        #expect(throws: GuestFailure.self) {
            try ChatRequest.messages(
                from: ["messages": [["role": "user", "content": [part]]]], defaultOutputTokens: 100)
        }
        #expect(throws: GuestFailure.self) {
            try ResponsesRequest.messages(
                from: [
                    "input": [
                        [
                            "role": "user",
                            "content": [["type": "input_image", "image_url": .string(address)]],
                        ]
                    ]
                ],
                defaultOutputTokens: 100)
        }
    }

    private func request() throws -> MessagesRequest {
        try MessagesRequest(
            [
                "model": "m", "max_tokens": 100,
                "messages": [
                    ["role": "user", "content": [["type": "text", "text": "Look"], image]],
                    [
                        "role": "assistant",
                        "content": [["type": "tool_use", "id": "c", "name": "shot", "input": [:]]],
                    ],
                    [
                        "role": "user",
                        "content": [
                            [
                                "type": "tool_result", "tool_use_id": "c",
                                "content": [["type": "text", "text": "here"], image],
                            ]
                        ],
                    ],
                ],
            ])
    }

    @Test func `a server of chat completions gets them as data, those of results behind the result`() throws {
        let chat = ChatRequest.chat(from: try request(), model: "m", isOpenAI: true)
        let messages = try #require(chat["messages"]?.arrayValue)
        let part: JSON = ["type": "image_url", "image_url": ["url": url]]
        #expect(messages[0]["content"] == [["type": "text", "text": "Look"], part])
        #expect(messages[2] == ["role": "tool", "tool_call_id": "c", "content": "here"])
        #expect(messages[3] == ["role": "user", "content": [part]])
    }

    @Test func `a server of responses gets them as data, those of results behind the output`() throws {
        let sent = ResponsesRequest.responses(from: try request(), model: "m", effort: nil, isOpenAI: true)
        let items = try #require(sent["input"]?.arrayValue)
        let part: JSON = ["type": "input_image", "image_url": url]
        #expect(items[0]["content"] == [["type": "input_text", "text": "Look"], part])
        #expect(items[2] == ["type": "function_call_output", "call_id": "c", "output": "here"])
        #expect(items[3]["content"] == [part])
    }
}
