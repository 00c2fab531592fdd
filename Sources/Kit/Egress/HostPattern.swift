// The hosts that a role may reach.

/// One entry of a role's `egress`: `example.org`, `*.example.org`, `example.org:8443`, `*.example.org:*`.
/// Without a port it stands for 443 and 80. A star stands for one or more labels at the start, never for a
/// name as a whole: `*.example.org` is not `example.org`, and `*` alone is no pattern.
public struct HostPattern: Sendable, Hashable, CustomStringConvertible {
    private enum Ports: Sendable, Hashable {
        case usual
        case any
        case one(UInt16)
    }

    private let host: String
    private let isWildcard: Bool
    private let ports: Ports
    public let description: String

    private static let usualPorts: Set<UInt16> = [80, 443]

    public init?(_ text: String) {
        description = text
        var rest = text.lowercased()[...]
        if rest.first == "[", let close = rest.firstIndex(of: "]") {
            let tail = rest[rest.index(after: close)...]
            guard let ports = Self.ports(tail) else { return nil }
            self.ports = ports
            host = String(rest[rest.index(after: rest.startIndex)..<close])
            isWildcard = false
            guard !host.isEmpty, host.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else {
                return nil
            }
            return
        }
        let colon = rest.firstIndex(of: ":") ?? rest.endIndex
        guard let ports = Self.ports(rest[colon...]) else { return nil }
        self.ports = ports
        rest = rest[..<colon]
        isWildcard = rest.hasPrefix("*.")
        if isWildcard { rest = rest.dropFirst(2) }
        let labels = rest.split(separator: ".", omittingEmptySubsequences: false)
        let isName = labels.allSatisfy { label in
            !label.isEmpty && label.utf8.count <= 63
                && label.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
        }
        // A star before a single label would be a whole top-level domain.
        guard isName, !isWildcard || labels.count > 1 else { return nil }
        host = String(rest)
    }

    private static func ports(_ text: Substring) -> Ports? {
        if text.isEmpty { return .usual }
        if text == ":*" { return .any }
        guard text.first == ":", let port = UInt16(text.dropFirst()), port > 0 else { return nil }
        return .one(port)
    }

    /// - Parameter name: Lower case, without a dot at its end.
    public func matches(_ name: String, port: UInt16) -> Bool {
        let fitsHost =
            isWildcard ? name.hasSuffix("." + host) && name.utf8.count > host.utf8.count + 1 : name == host
        guard fitsHost else { return false }
        switch ports {
        case .usual: return Self.usualPorts.contains(port)
        case .any: return true
        case .one(let only): return port == only
        }
    }

    /// Whether the entry names a host exactly: then it may lead to a private address, because somebody wrote
    /// down that it should when it is an address or `localhost` itself.
    public func isLiteral(_ name: String) -> Bool {
        guard !isWildcard, host == name else { return false }
        let isAddress =
            host.contains(":") || (host.allSatisfy { $0.isNumber || $0 == "." } && host.contains("."))
        return isAddress || host == "localhost"
    }
}
