// RFC 9110, section 14: the part of a body that is asked for.

/// One range of bytes. Of everything that the `Range` header may say only this is spoken: `bytes=A-`,
/// `bytes=A-B` and `bytes=-N`; a list of ranges is answered as if none had been given, as the RFC allows.
public struct ByteRange: Sendable, Hashable {
    public var first: Int64
    /// The last byte, included.
    public var last: Int64

    public var count: Int64 { last - first + 1 }
    /// The value of `Content-Range` for a body of this size.
    public func contentRange(of size: Int64) -> String { "bytes \(first)-\(last)/\(size)" }

    public init(first: Int64, last: Int64) { (self.first, self.last) = (first, last) }

    /// What a header asks for.
    public enum Request: Sendable, Hashable {
        /// There is no range, or one that may be ignored.
        case whole
        case part(ByteRange)
        /// 416: nothing of the body is in it.
        case unsatisfiable
    }

    /// Reads a header.
    /// - Parameter size: Of the whole body, in bytes.
    public static func parse(_ header: String?, size: Int64) -> Request {
        guard let header, header.lowercased().hasPrefix("bytes=") else { return .whole }
        let text = header.dropFirst("bytes=".count)
        // A list costs the server more than it tells the client.
        guard !text.contains(","), let dash = text.firstIndex(of: "-") else { return .whole }
        let (left, right) = (text[..<dash], text[text.index(after: dash)...])
        guard left.isEmpty || number(left) != nil, right.isEmpty || number(right) != nil else {
            return .whole
        }
        switch (number(left), number(right)) {
        case (nil, nil): return .whole
        case (nil, let count?):
            guard count > 0, size > 0 else { return .unsatisfiable }
            return .part(ByteRange(first: max(0, size - count), last: size - 1))
        case (let first?, nil):
            return first < size ? .part(ByteRange(first: first, last: size - 1)) : .unsatisfiable
        case (let first?, let last?):
            guard first <= last else { return .whole }
            return first < size ? .part(ByteRange(first: first, last: min(last, size - 1))) : .unsatisfiable
        }
    }

    /// Reads `Content-Range: bytes A-B/SIZE`; nil for anything else, an unknown size among it.
    public static func parse(contentRange header: String?) -> (range: ByteRange, size: Int64)? {
        guard let header, header.hasPrefix("bytes ") else { return nil }
        let parts = header.dropFirst("bytes ".count).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let size = number(parts[1]) else { return nil }
        let ends = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = number(ends[0]), let last = number(ends[1]), first <= last,
            last < size
        else { return nil }
        return (ByteRange(first: first, last: last), size)
    }

    /// Decimal digits and nothing else, at most 18 of them, so that sums cannot overflow.
    private static func number(_ text: Substring) -> Int64? {
        guard (1...18).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int64(text)
    }
}
