/// What a request is about: the second word of its first line (RFC 9112, section 3.2).
public struct HTTPTarget: Sendable, Hashable, CustomStringConvertible {
    /// As on the wire.
    public let raw: String
    /// `http://host:port` of the absolute form that proxies get, or the whole of the authority form of
    /// CONNECT.
    public let authority: String?
    /// The path without its query, still encoded; empty for the authority form.
    public let rawPath: String
    /// What follows `?`, still encoded.
    public let rawQuery: String?

    /// A target to be sent. Bytes that cannot stand in a first line (spaces, controls, beyond ASCII) are
    /// encoded; everything else is kept, so a query may be given with the path.
    public init(_ text: String) {
        var raw = ""
        for byte in text.utf8 {
            if byte > 0x20, byte < 0x7F {
                raw.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                raw += Percent.encode([byte])
            }
        }
        self.raw = raw.isEmpty ? "/" : raw
        var rest = self.raw[...]
        if let scheme = rest.firstRange(of: "://"), !rest.hasPrefix("/") {
            let slash = rest[scheme.upperBound...].firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
            authority = String(rest[scheme.upperBound..<slash])
            rest = rest[slash...]
        } else if !rest.hasPrefix("/"), rest != "*" {
            authority = String(rest)
            rest = ""
        } else {
            authority = nil
        }
        let mark = rest.firstIndex(of: "?")
        rawPath = String(rest[..<(mark ?? rest.endIndex)])
        rawQuery = mark.map { String(rest[rest.index(after: $0)...]) }
    }

    /// The parts of the path between slashes, each decoded; an encoded slash stays inside its part.
    public var segments: [String] {
        rawPath.split(separator: "/").map { Percent.decode($0) ?? String($0) }
    }

    /// The decoded path.
    public var path: String { Percent.decode(rawPath) ?? rawPath }

    /// The decoded parameters of the query; of equal names the last counts.
    public var query: [String: String] {
        var parameters: [String: String] = [:]
        for pair in (rawQuery ?? "").split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = Percent.decode(parts[0], plusIsSpace: true) ?? String(parts[0])
            let value = parts.count > 1 ? parts[1] : ""
            parameters[name] = Percent.decode(value, plusIsSpace: true) ?? String(value)
        }
        return parameters
    }

    public var description: String { raw }

    /// What a server refuses: paths that two readers could resolve differently.
    static func validated(_ bytes: ArraySlice<UInt8>, method: String) throws(HTTPError) -> HTTPTarget {
        guard !bytes.isEmpty, bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw HTTPError(.malformed, "the request target has bytes that must be percent-encoded")
        }
        let target = HTTPTarget(String(decoding: bytes, as: UTF8.self))
        if target.raw.utf8.contains(UInt8(ascii: "#")) {
            throw HTTPError(.malformed, "the request target has a fragment")
        }
        let isAuthorityForm = target.authority != nil && target.rawPath.isEmpty && !target.raw.contains("://")
        guard isAuthorityForm == (method == "CONNECT") else {
            throw HTTPError(
                .malformed, "the target \(target.raw.prefix(80)) has the wrong form for \(method)")
        }
        guard let path = Percent.decode(target.rawPath), !path.utf8.contains(0) else {
            throw HTTPError(.malformed, "the path \(target.rawPath.prefix(80)) is not percent-encoded UTF-8")
        }
        guard !path.split(separator: "/").contains(where: { $0 == "." || $0 == ".." }) else {
            throw HTTPError(.malformed, "the path \(target.rawPath.prefix(80)) has dot segments")
        }
        return target
    }
}

/// Percent encoding (RFC 3986, section 2.1).
public enum Percent {
    /// Everything but letters, digits and `-._~` becomes `%XX`: right for one segment of a path or one value.
    public static func encode(_ text: some StringProtocol) -> String { encode(Array(text.utf8)) }

    /// Everything but letters, digits and `-._~` becomes `%XX`.
    public static func encode(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var output: [UInt8] = []
        for byte in bytes {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: output.append(byte)
            default: output += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// Nil for an incomplete escape or when the outcome is not UTF-8.
    /// - Parameter plusIsSpace: In queries of forms `+` stands for a space.
    public static func decode(_ text: some StringProtocol, plusIsSpace: Bool = false) -> String? {
        var output: [UInt8] = []
        let bytes = Array(text.utf8)
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%") {
                guard index + 2 < bytes.count, let high = hex(bytes[index + 1]),
                    let low = hex(bytes[index + 2])
                else { return nil }
                output.append(high << 4 | low)
                index += 3
            } else {
                let isSpace = plusIsSpace && bytes[index] == UInt8(ascii: "+")
                output.append(isSpace ? 0x20 : bytes[index])
                index += 1
            }
        }
        return String(validating: output, as: UTF8.self)
    }

    private static func hex(_ byte: UInt8) -> UInt8? {
        Character(Unicode.Scalar(byte)).hexDigitValue.map { UInt8($0) }
    }
}
