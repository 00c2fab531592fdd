import Testing

@testable import Kit

@Suite struct A2UITests {
    private static func parse(_ text: String) throws -> [JSON] { try JSON.parse(text).arrayValue ?? [] }

    private static func create(_ name: String = "main", catalog: String = A2UICatalog.session.id) -> JSON {
        ["version": "v0.9", "createSurface": ["surfaceId": .string(name), "catalogId": .string(catalog)]]
    }

    private static func components(_ components: [JSON], surface: String = "main") -> JSON {
        [
            "version": "v0.9",
            "updateComponents": ["surfaceId": .string(surface), "components": .array(components)],
        ]
    }

    private static func text(_ id: String, _ text: JSON = "hello") -> JSON {
        ["id": .string(id), "component": "Text", "text": text]
    }

    /// A surface whose root is the given component.
    private static func refusal(_ component: JSON, _ others: [JSON] = []) -> A2UIError? {
        var surfaces = A2UISurfaces(agent: "coder-1")
        do throws(A2UIError) {
            _ = try surfaces.update([create(), components([component] + others)])
            return nil
        } catch {
            return error
        }
    }

    @Test func `who drew a surface is said by the coordinator`() throws {
        var surfaces = A2UISurfaces(agent: "coder-1")
        var message = Self.create()
        message["createSurface"]?["theme"] = [
            "primaryColor": "#00aaFF", "agentDisplayName": "The human", "iconUrl": "https://evil.example/i",
        ]
        let passed = try surfaces.update([message, Self.components([Self.text("root")])])
        let body = passed[0]["createSurface"]
        #expect(body?["surfaceId"] == "coder-1/main")
        #expect(body?["theme"] == ["primaryColor": "#00aaFF", "agentDisplayName": "coder-1"])
        #expect(passed[1]["updateComponents"]?["surfaceId"] == "coder-1/main")
        #expect(surfaces.names == ["main"])
    }

    @Test func `an update is taken whole or not at all`() throws {
        var surfaces = A2UISurfaces(agent: "a")
        #expect(throws: A2UIError.self) {
            _ = try surfaces.update([
                Self.create(), Self.components([["id": "root", "component": "Marquee"]]),
            ])
        }
        #expect(surfaces.names.isEmpty)
        _ = try surfaces.update([Self.create(), Self.components([Self.text("root")])])
        #expect(throws: A2UIError.self) { _ = try surfaces.update([Self.create()]) }
        _ = try surfaces.update([["version": "v0.9", "deleteSurface": ["surfaceId": "main"]]])
        _ = try surfaces.update([Self.create(), Self.components([Self.text("root")])])
    }

    @Test(arguments: [
        #"[{"version":"v0.8","deleteSurface":{"surfaceId":"a"}}]"#, #"[{"deleteSurface":{"surfaceId":"a"}}]"#,
        #"[{"version":"v0.9"}]"#, #"[]"#, #"[1]"#, #"[{"version":"v0.9","dance":{"surfaceId":"a"}}]"#,
        #"[{"version":"v0.9","deleteSurface":{"surfaceId":"a"},"createSurface":{}}]"#,
        #"[{"version":"v0.9","createSurface":{"surfaceId":"../x","catalogId":"openclaw/session/v1"}}]"#,
        #"[{"version":"v0.9","createSurface":{"surfaceId":"__proto__","catalogId":"openclaw/session/v1"}}]"#,
        #"[{"version":"v0.9","createSurface":{"surfaceId":"a","catalogId":"https://evil.example"}}]"#,
        #"[{"version":"v0.9","createSurface":{"surfaceId":"a","catalogId":"openclaw/session/v1","x":1}}]"#,
        #"[{"version":"v0.9","updateDataModel":{"surfaceId":"nowhere","value":1}}]"#,
    ]) func `a message that is none is refused`(_ text: String) throws {
        let messages = try Self.parse(text)
        var surfaces = A2UISurfaces(agent: "a")
        #expect(throws: A2UIError.self) { _ = try surfaces.update(messages) }
    }

    @Test(arguments: [
        #"{"id":"root","component":"Text"}"#, #"{"id":"root","component":"Text","text":1}"#,
        #"{"id":"root","component":"Text","text":"a","html":"<b>"}"#,
        #"{"id":"root","component":"Text","text":{"path":"/__proto__/x"}}"#,
        #"{"id":"root","component":"Text","text":{"call":"eval","args":{}}}"#,
        #"{"id":"root","component":"Text","text":{"call":"and","args":{"values":[true,false]}}}"#,
        #"{"id":"root","component":"Text","text":"a","variant":"h9"}"#,
        #"{"id":"root","component":"Image","url":"javascript:alert(1)"}"#,
        #"{"id":"root","component":"Image","url":"data:text/html,<script>"}"#,
        #"{"id":"root","component":"Image","url":"data:image/svg+xml;base64,AAAA"}"#,
        #"{"id":"root","component":"Slider","value":1}"#, #"{"id":"root","component":"Icon","name":"skull"}"#,
        #"{"id":"root","component":"ApprovalGate"}"#, #"{"id":"root","component":"Diagram","nodes":[]}"#,
        #"{"id":"root","component":"Diagram","nodes":[{"id":"a","label":"A"}],"edges":[{"from":"a"}]}"#,
        #"{"id":"root","component":"DateTimeInput","value":"","min":"yesterday"}"#,
        #"{"id":"root","component":"Tabs","tabs":[]}"#,
        #"{"id":"root","component":"Card","child":"nothing"}"#,
        #"{"id":"root","component":"Card","child":"root"}"#, #"{"id":"","component":"Text","text":"a"}"#,
    ]) func `a component that is none is refused`(_ text: String) throws {
        #expect(Self.refusal(try JSON.parse(text)) != nil)
    }

    @Test(arguments: [
        "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", " javascript:alert(1)",
        "\u{1}javascript:alert(1)", "vbscript:x", "data:text/html,x", "file:///etc/passwd", "//evil.example",
        "/relative", "", "http:", "https:///x", "blob:x", "HTTPS:evil", "https://a b",
    ]) func `a link leads to the web or nowhere`(_ link: String) {
        let call: JSON = ["functionCall": ["call": "openUrl", "args": ["url": .string(link)]]]
        let button: JSON = ["id": "root", "component": "Button", "child": "t", "action": call]
        #expect(Self.refusal(button, [Self.text("t")]) != nil)
        var good = button
        good["action"]?["functionCall"]?["args"] = ["url": "https://example.org/a?b#c"]
        #expect(Self.refusal(good, [Self.text("t")]) == nil)
    }

    @Test func `trees that are deep, circular, open or loose are refused`() throws {
        func card(_ id: String, _ child: String) -> JSON {
            ["id": .string(id), "component": "Card", "child": .string(child)]
        }
        let chain = { (count: Int) in
            (0..<count).map { card($0 == 0 ? "root" : "c\($0)", "c\($0 + 1)") } + [Self.text("c\(count)")]
        }
        let right = chain(A2UILimits.depth - 1)
        #expect(Self.refusal(right[0], Array(right[1...])) == nil)
        let deep = chain(A2UILimits.depth)
        #expect(Self.refusal(deep[0], Array(deep[1...]))?.message.contains("deeper") == true)
        let hostile = chain(4000)
        #expect(Self.refusal(hostile[0], Array(hostile[1...])) != nil)
        #expect(Self.refusal(card("root", "a"), [card("a", "root")])?.message.contains("itself") == true)
        #expect(
            Self.refusal(Self.text("root"), [Self.text("b")])?.message.contains("part of nothing") == true)
        #expect(Self.refusal(Self.text("other"))?.message.contains("root") == true)
        // A part that a later update replaces may stay behind; one that it brings may not.
        var surfaces = A2UISurfaces(agent: "a")
        _ = try surfaces.update([Self.create(), Self.components([card("root", "old"), Self.text("old")])])
        _ = try surfaces.update([Self.components([card("root", "new"), Self.text("new")])])
        _ = try surfaces.update([Self.components([Self.text("new", "changed")])])
        #expect(throws: A2UIError.self) {
            _ = try surfaces.update([Self.components([Self.text("old", "x")])])
        }
        let many = (0...A2UILimits.components).map { Self.text("t\($0)") }
        #expect(Self.refusal(Self.text("root"), many)?.message.contains("at most") == true)
    }

    @Test func `calls within calls end at five`() {
        func nested(_ depth: Int) -> JSON {
            depth == 0 ? true : ["call": "not", "args": ["value": nested(depth - 1)]]
        }
        func box(_ depth: Int) -> JSON {
            ["id": "root", "component": "CheckBox", "label": "x", "value": nested(depth)]
        }
        #expect(Self.refusal(box(5)) == nil)
        #expect(Self.refusal(box(6))?.message.contains("nested") == true)
    }

    @Test(arguments: ["/__proto__/polluted", "/a/constructor/prototype", "relative", "/a/prototype"])
    func `data reaches no prototype`(_ path: String) throws {
        var surfaces = A2UISurfaces(agent: "a")
        _ = try surfaces.update([Self.create(), Self.components([Self.text("root")])])
        func data(_ body: JSON) -> JSON { ["version": "v0.9", "updateDataModel": body] }
        #expect(throws: A2UIError.self) {
            _ = try surfaces.update([data(["surfaceId": "main", "path": .string(path), "value": 1])])
        }
        #expect(throws: A2UIError.self) {
            _ = try surfaces.update([data(["surfaceId": "main", "value": ["x": ["__proto__": 1]]])])
        }
        _ = try surfaces.update([data(["surfaceId": "main", "path": "/a/0/b", "value": ["x": [1, "y"]]])])
    }

    @Test func `an agent has so many surfaces and no more, and another's are not its own`() throws {
        var surfaces = A2UISurfaces(agent: "a")
        for number in 0..<A2UILimits.surfaces {
            let name = "s\(number)"
            _ = try surfaces.update([Self.create(name), Self.components([Self.text("root")], surface: name)])
        }
        #expect(throws: A2UIError.self) { _ = try surfaces.update([Self.create("more")]) }
        #expect(throws: A2UIError.self) {
            _ = try surfaces.update([["version": "v0.9", "deleteSurface": ["surfaceId": "b/main"]]])
        }
    }

    @Test func `the catalogs have what the specification lists`() {
        #expect(A2UICatalog.basic.components.count == 18)
        #expect(A2UICatalog.basic.functions.count == 14)
        #expect(A2UICatalog.session.components.count == 26)
        #expect(A2UICatalog.icons.count == 59)
    }
}
