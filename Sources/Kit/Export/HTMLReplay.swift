/// Makes one page of the app and the log of a session: no server, no network, nothing to install.
public enum HTMLReplay {
    /// Why no page could be made.
    public struct Failure: Error, Sendable, CustomStringConvertible {
        public let description: String
    }

    private static let script = Array(#"<script src="app.js" defer></script>"#.utf8)
    private static let style = (open: Array("<style>".utf8), close: Array("</style>".utf8))
    private static let charset = Array(#"<meta charset="utf-8">"#.utf8)
    private static let body = Array("</body>".utf8)

    /// - Parameters:
    ///   - index: The app's page, which has its style in it and names app.js.
    ///   - document: `{"events":[…],"summary":…}`; redacted by the caller.
    public static func page(
        index: [UInt8], script app: [UInt8], document: JSON
    ) throws(Failure) -> [UInt8] {
        guard let start = index.firstRange(of: style.open),
            let end = index[start.upperBound...].firstRange(of: style.close)
        else { throw Failure(description: "index.html has no style in it") }
        let sheet = Array(index[start.upperBound..<end.lowerBound])
        let app = harmless(app)
        let policy =
            "default-src 'none'; script-src 'sha256-\(Base64.encode(Digest.sha256(app)))'; style-src "
            + "'sha256-\(Base64.encode(Digest.sha256(sheet)))'; img-src data:; base-uri 'none'; "
            + "form-action 'none'"
        let guarded = #"<meta http-equiv="Content-Security-Policy" content="\#(policy)">"#
        var page = try replace(charset, in: index, by: charset + Array(guarded.utf8))
        page = try replace(script, in: page, by: [])
        let log = Array(#"<script type="application/json" id="openclaw-log">"#.utf8) + data(document)
        let tail = Array("</script><script>".utf8) + app + Array("</script>".utf8)
        return try replace(body, in: page, by: log + tail + body)
    }

    private static func replace(
        _ part: [UInt8], in page: [UInt8], by other: [UInt8]
    ) throws(Failure) -> [UInt8] {
        guard let range = page.firstRange(of: part) else {
            throw Failure(description: "index.html has no \(String(decoding: part, as: UTF8.self))")
        }
        return Array(page[..<range.lowerBound]) + other + Array(page[range.upperBound...])
    }

    /// JSON that ends no script, whatever it says: `<` can only stand in its strings, and may be escaped
    /// there.
    static func data(_ document: JSON) -> [UInt8] {
        var output: [UInt8] = []
        let escape = Array(#"\u003c"#.utf8)
        for byte in document.serialized() {
            if byte == UInt8(ascii: "<") { output += escape } else { output.append(byte) }
        }
        return output
    }

    /// A script that ends no script element. In the strings, templates and patterns where these can stand,
    /// the backslash changes nothing.
    static func harmless(_ script: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(script.count)
        for (index, byte) in script.enumerated() {
            output.append(byte)
            guard byte == UInt8(ascii: "<"), index + 1 < script.count else { continue }
            if [UInt8(ascii: "/"), UInt8(ascii: "!")].contains(script[index + 1]),
                opens(script[(index + 1)...])
            {
                output.append(UInt8(ascii: "\\"))
            }
        }
        return output
    }

    private static func opens(_ rest: ArraySlice<UInt8>) -> Bool {
        let text = String(decoding: rest.prefix(7), as: UTF8.self).lowercased()
        return text == "/script" || text.hasPrefix("!--")
    }
}
