import Kit
import System

/// The files of a web app: a few names in one directory, with the headers that lock the page in.
public struct AppFiles: Sendable {
    /// Of one file, in bytes.
    private static let fileBytes = 8 << 20

    private let directory: String

    /// - Parameter directory: `canvas` of the installed kit.
    public init(directory: String) { self.directory = directory }

    private static let types = [
        "html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8",
        "css": "text/css; charset=utf-8", "svg": "image/svg+xml", "png": "image/png",
        "json": "application/json", "woff2": "font/woff2", "txt": "text/plain; charset=utf-8",
    ]

    /// Headers of everything that a browser gets from here.
    public static let headers: HTTPHeaders = [
        "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
        "X-Frame-Options": "DENY", "Cache-Control": "no-cache",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=(), clipboard-read=()",
    ]

    /// One file; nil when there is none of that name.
    /// - Parameter name: Empty for the page itself.
    public func response(_ name: String, for request: HTTPRequest) -> HTTPResponse? {
        let name = name.isEmpty ? "index.html" : name
        guard let type = Self.type(of: name) else { return nil }
        guard let bytes = try? Files.read("\(directory)/\(name)", limit: Self.fileBytes) else {
            return name == "index.html" ? Self.missing : nil
        }
        var response = HTTPResponse(status: 200, headers: Self.headers, body: bytes)
        response.headers["Content-Type"] = type
        response.headers["Content-Security-Policy"] =
            name.hasSuffix(".html") ? Self.policy(page: bytes) : "default-src 'none'; sandbox"
        let tag = "\"\(Digest.sha256Hex(bytes).prefix(32))\""
        response.headers["ETag"] = tag
        response.headers["Vary"] = "Accept-Encoding"
        if request.headers["If-None-Match"] == tag {
            response.status = 304
            response.body = []
        } else if request.headers.tokens("Accept-Encoding").contains(where: { $0.hasPrefix("gzip") }),
            let packed = try? Files.read("\(directory)/\(name).gz", limit: Self.fileBytes)
        {
            response.headers["Content-Encoding"] = "gzip"
            response.body = packed
        }
        return response
    }

    /// The media type of a name that may be asked for: plain words, one known ending.
    private static func type(of name: String) -> String? {
        let isPlain = name.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
            default: false
            }
        }
        guard isPlain, name.utf8.count <= 100, !name.hasPrefix("."), let dot = name.lastIndex(of: ".") else {
            return nil
        }
        return types[String(name[name.index(after: dot)...])]
    }

    /// Nothing from anywhere else. The style that the page itself carries is allowed by its hash.
    static func policy(page: [UInt8]) -> String {
        let styles = inlineBlocks("style", in: page).map { " 'sha256-\(Base64.encode(Digest.sha256($0)))'" }
        return "default-src 'none'; script-src 'self'; style-src 'self'\(styles.joined()); "
            + "img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; "
            + "form-action 'none'; frame-ancestors 'none'"
    }

    /// What stands between `<NAME>` and `</NAME>`, for every one without attributes.
    static func inlineBlocks(_ name: String, in page: [UInt8]) -> [[UInt8]] {
        let (open, close) = (Array("<\(name)>".utf8), Array("</\(name)>".utf8))
        var blocks: [[UInt8]] = []
        var rest = page[...]
        while let start = rest.firstRange(of: open),
            let end = rest[start.upperBound...].firstRange(of: close)
        {
            blocks.append(Array(rest[start.upperBound..<end.lowerBound]))
            rest = rest[end.upperBound...]
        }
        return blocks
    }

    private static var missing: HTTPResponse {
        let text = """
            <!doctype html><meta charset="utf-8"><title>OpenClaw</title>
            <h1>The canvas is not part of this installation</h1>
            <p>Build it with scripts/build and install the kit again: openclaw kit install dist/kit.
            Everything it shows is also in: openclaw session ID --status, --logs, --diff.</p>
            """
        var response = HTTPResponse(status: 503, headers: headers, body: Array(text.utf8))
        response.headers["Content-Type"] = types["html"]
        response.headers["Content-Security-Policy"] = policy(page: [])
        return response
    }
}
