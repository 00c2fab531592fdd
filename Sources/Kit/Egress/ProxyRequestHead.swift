// The head of a request to a proxy, as the sandbox's relay and the coordinator's proxy both read it.

/// Collects and reads the head of one request: CONNECT, or a plain http URL. Pure, bounded, strict.
/// RFC 9112 sections 3.2 and 4; RFC 9110 section 9.3.6
public struct ProxyRequestHead: Sendable {
    public enum Step: Sendable, Hashable {
        case more
        case head(ProxyRequest)
        /// Why it is no request to a proxy.
        case refused(String)
    }

    private var bytes: [UInt8] = []
    private var isOver = false
    public static let limit = 16384

    public init() {}

    /// Takes bytes; once it has answered anything but `.more` it takes none.
    public mutating func add(_ more: [UInt8]) -> Step {
        guard !isOver else { return .refused("the head has ended") }
        let from = max(0, bytes.count - 3)
        bytes += more
        guard let end = Self.end(of: bytes, from: from) else {
            isOver = bytes.count > Self.limit
            return isOver ? .refused("the head is longer than \(Self.limit) bytes") : .more
        }
        isOver = true
        guard end <= Self.limit else { return .refused("the head is longer than \(Self.limit) bytes") }
        do throws(ProxyRequest.Problem) {
            return .head(try ProxyRequest(head: bytes[..<end], rest: Array(bytes[end...])))
        } catch {
            return .refused(error.text)
        }
    }

    /// The index after the empty line.
    private static func end(of bytes: [UInt8], from: Int) -> Int? {
        var index = from
        while index + 3 < bytes.count {
            if bytes[index] == 13, bytes[index + 1] == 10, bytes[index + 2] == 13, bytes[index + 3] == 10 {
                return index + 4
            }
            index += 1
        }
        return nil
    }
}

/// What a proxy is asked for.
public struct ProxyRequest: Sendable, Hashable {
    struct Problem: Error { let text: String }

    public var method: String
    /// Lower case, without a dot at its end; an IPv6 address without brackets.
    public var host: String
    public var port: UInt16
    /// Of a plain request: what the server is asked for.
    public var path: String
    /// Without those that are the proxy's own business, `Host` among them: the target says which host it is.
    public var headers: [(name: String, value: String)]
    /// `Proxy-Authorization: Bearer …`, or the password of `Basic …`: who is called is in the token.
    public var token: String?
    /// What came after the head.
    public var rest: [UInt8]

    public var isTunnel: Bool { method == "CONNECT" }
    /// `example.org:443`
    public var target: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    public static func == (a: ProxyRequest, b: ProxyRequest) -> Bool {
        a.bytes(token: a.token) == b.bytes(token: b.token) && a.target == b.target
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(bytes(token: token)) }

    init(head: ArraySlice<UInt8>, rest: [UInt8]) throws(Problem) {
        guard let text = String(validating: head.dropLast(4), as: UTF8.self),
            text.utf8.allSatisfy({ $0 != 0 })
        else { throw Problem(text: "the head is no text") }
        // Swift takes CR LF for one character.
        let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
        let words = (lines.first ?? "").split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, words[2] == "HTTP/1.1" || words[2] == "HTTP/1.0",
            !words[0].isEmpty, words[0].allSatisfy({ $0.isASCII && ($0.isLetter || $0 == "-") })
        else { throw Problem(text: "the first line is not METHOD TARGET HTTP/1.1") }
        method = String(words[0])
        (host, port, path) = try Self.target(words[1], isTunnel: words[0] == "CONNECT")
        self.rest = rest
        headers = []
        token = nil
        var hops: Set<String> = []
        for line in lines.dropFirst() { try take(line, &hops) }
        headers.removeAll { hops.contains($0.name.lowercased()) }
        try checkFraming()
    }

    /// How long the body is must be said once and in one way, or the server may take its end for another
    /// request, which no list was asked about. RFC 9112 section 6.3
    private func checkFraming() throws(Problem) {
        func count(_ name: String) -> Int { headers.count { $0.name.lowercased() == name } }
        let (codings, lengths) = (count("transfer-encoding"), count("content-length"))
        guard codings + lengths <= 1 else {
            throw Problem(
                text: "the length of the body is said more than once (Transfer-Encoding, Content-Length)")
        }
    }

    /// - Parameter hops: Names of headers that are for this proxy only. RFC 9110 section 7.6.1
    private mutating func take(_ line: Substring, _ hops: inout Set<String>) throws(Problem) {
        guard let colon = line.firstIndex(of: ":"), colon != line.startIndex,
            line[..<colon].allSatisfy({ $0.isASCII && !$0.isWhitespace && $0 > " " }),
            !line.contains(where: { $0 == "\n" || $0 == "\r" })
        else { throw Problem(text: "a header line is not NAME: VALUE") }
        let name = String(line[..<colon])
        var value = line[line.index(after: colon)...]
        while let first = value.first, first == " " || first == "\t" { value.removeFirst() }
        while let last = value.last, last == " " || last == "\t" { value.removeLast() }
        switch name.lowercased() {
        case "proxy-authorization":
            let words = value.split(separator: " ")
            guard words.count == 2 else { break }
            switch words[0].lowercased() {
            case "bearer": token = String(words[1])
            case "basic": token = Self.password(words[1])
            default: break
            }
        case "connection":
            for word in value.split(separator: ",") {
                hops.insert(word.lowercased().filter { $0 != " " && $0 != "\t" })
            }
            // What says how long the body is, is no business of one hop.
            hops.subtract(["transfer-encoding", "content-length"])
        case "proxy-connection", "keep-alive", "proxy-authenticate", "host": break
        default: headers.append((name, String(value)))
        }
    }

    /// What follows the first colon of `user:password`. RFC 7617
    private static func password(_ credentials: Substring) -> String? {
        guard let bytes = Base64.decode(String(credentials)),
            let text = String(validating: bytes, as: UTF8.self),
            let colon = text.firstIndex(of: ":")
        else { return nil }
        let password = text[text.index(after: colon)...]
        return password.isEmpty ? nil : String(password)
    }

    private static func target(
        _ text: Substring, isTunnel: Bool
    ) throws(Problem) -> (host: String, port: UInt16, path: String) {
        if isTunnel {
            let (host, port) = try authority(text, defaultPort: nil)
            return (host, port, "")
        }
        guard text.lowercased().hasPrefix("http://") else {
            throw Problem(text: "only CONNECT and http:// are proxied")
        }
        let rest = text.dropFirst(7)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let path = rest.dropFirst(authority.count).prefix { $0 != "#" }
        guard !authority.contains("@") else { throw Problem(text: "a URL must not hold credentials") }
        let (host, port) = try Self.authority(authority, defaultPort: 80)
        return (host, port, path.hasPrefix("/") ? String(path) : "/" + path)
    }

    static func authority(
        _ text: Substring, defaultPort: UInt16?
    ) throws(Problem) -> (host: String, port: UInt16) {
        var host = text
        var port = defaultPort
        if text.first == "[" {
            guard let close = text.firstIndex(of: "]") else { throw Problem(text: "an address has no ]") }
            host = text[text.index(after: text.startIndex)..<close]
            let tail = text[text.index(after: close)...]
            guard tail.isEmpty || tail.first == ":" else {
                throw Problem(text: "the target is not HOST:PORT")
            }
            if !tail.isEmpty { port = number(tail.dropFirst()) }
            guard host.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else {
                throw Problem(text: "the target is not HOST:PORT")
            }
        } else if let colon = text.lastIndex(of: ":") {
            host = text[..<colon]
            port = number(text[text.index(after: colon)...])
        }
        guard let port, port > 0 else { throw Problem(text: "the target is not HOST:PORT") }
        let name = host.hasSuffix(".") ? host.dropLast() : host
        let isName = name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-._".contains($0)) }
        // No empty label: `example.org..` would be another name each time that it is passed on.
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        guard name.utf8.count <= 253, isName || text.first == "[", !labels.contains("") else {
            throw Problem(text: "the target's host is no name and no address")
        }
        return (name.lowercased(), port)
    }

    private static func number(_ text: Substring) -> UInt16? {
        (1...5).contains(text.utf8.count) && text.allSatisfy({ $0.isASCII && $0.isNumber })
            ? UInt16(text) : nil
    }

    /// The request again, for the next proxy.
    /// - Parameter token: Says who asks; what the caller said about that is left out.
    public func bytes(token: String?) -> [UInt8] {
        let line = isTunnel ? "CONNECT \(target)" : "\(method) http://\(target)\(path)"
        var text = "\(line) HTTP/1.1\r\nHost: \(authority)\r\n"
        if let token, !token.isEmpty { text += "Proxy-Authorization: Bearer \(token)\r\n" }
        return head(text)
    }

    /// The request for the server itself. One request a connection: the next may be for another host. The
    /// server is told the host that was allowed, whatever the client calls it: behind a shared address others
    /// answer, too. RFC 9112 section 3.2.2
    public var origin: [UInt8] {
        head("\(method) \(path) HTTP/1.1\r\nHost: \(authority)\r\nConnection: close\r\n")
    }

    /// The target, without the port that everybody expects.
    private var authority: String { !isTunnel && port == 80 ? String(target.dropLast(3)) : target }

    private func head(_ start: String) -> [UInt8] {
        let lines = headers.map { "\($0.name): \($0.value)\r\n" }.joined()
        return Array((start + lines + "\r\n").utf8) + rest
    }
}
