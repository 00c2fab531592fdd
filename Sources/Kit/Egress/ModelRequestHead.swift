// The head of a request for a model, as the sandbox's relay reads it.

/// Collects the head of one request to the model gateway and says it again: with the token of the agent in
/// the place of whatever the program said about who it is, and as the only request of its connection. Pure,
/// bounded, strict. RFC 9112 sections 2 to 5
public struct ModelRequestHead: Sendable {
    public enum Step: Sendable, Hashable {
        case more
        /// The request to pass on, and everything that came after its head.
        case head([UInt8])
        /// Why it is not passed on.
        case refused(String)
    }

    /// What of the coordinator a program may ask for.
    public static let prefixes = ["/anthropic/", "/openai/"]
    /// In bytes; the longest seen is 3 kB.
    public static let limit = 65536

    private let token: String
    private let host: String
    private var bytes: [UInt8] = []
    private var isOver = false

    /// - Parameter host: HOST:PORT of the gateway.
    public init(token: String, host: String) { (self.token, self.host) = (token, host) }

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
        guard let text = String(validating: bytes[..<(end - 4)], as: UTF8.self), !text.utf8.contains(0) else {
            return .refused("the head is no text")
        }
        let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
        let words = (lines.first ?? "").split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, words[2] == "HTTP/1.1", !words[0].isEmpty,
            words[0].allSatisfy({ $0.isASCII && $0.isLetter })
        else { return .refused("the first line is not METHOD PATH HTTP/1.1") }
        guard Self.isOpen(words[1]) else {
            return .refused(
                "\(words[1].prefix(200)) is no path of a model: those begin with /anthropic/ or /openai/")
        }
        var head = "\(words[0]) \(words[1]) HTTP/1.1\r\nHost: \(host)\r\nAuthorization: Bearer \(token)\r\n"
        // A connection carries one request, so no second one can hide behind the first.
        head += "Connection: close\r\n"
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":"), colon != line.startIndex,
                line[..<colon].allSatisfy({ $0.isASCII && $0 > " " }),
                !line.contains(where: { $0 == "\n" || $0 == "\r" })
            else { return .refused("a header line is not NAME: VALUE") }
            if Self.own.contains(line[..<colon].lowercased()) { continue }
            head += line + "\r\n"
        }
        return .head(Array((head + "\r\n").utf8) + bytes[end...])
    }

    /// Headers that are said by the relay or mean nothing behind it.
    private static let own: Set<String> = [
        "host", "authorization", "x-api-key", "api-key", "connection", "keep-alive", "upgrade",
        "http2-settings",
        "proxy-authorization", "proxy-connection",
    ]

    /// A path below what is open, read by everybody in the same way.
    private static func isOpen(_ target: Substring) -> Bool {
        guard target.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
            prefixes.contains(where: { target.hasPrefix($0) })
        else { return false }
        let path = target.prefix { $0 != "?" }
        guard !path.contains("%"), !path.contains("\\"), !path.contains("#") else { return false }
        return !path.split(separator: "/").contains { $0 == "." || $0 == ".." }
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
