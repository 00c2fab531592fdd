// Internet addresses and the names that stand for them.
import CSystem
import Glibc

/// An IPv4 or IPv6 address in network byte order.
public struct Address: Sendable, Hashable, CustomStringConvertible {
    public var family: Int32
    public var bytes: [UInt8]

    /// A literal; nil for a name.
    public init?(_ text: String) {
        if let v4 = IPv4(text) {
            (family, bytes) = (AF_INET, v4.bytes)
            return
        }
        var v6 = [UInt8](repeating: 0, count: 16)
        guard inet_pton(AF_INET6, text, &v6) == 1 else { return nil }
        (family, bytes) = (AF_INET6, v6)
    }

    private init(family: Int32, bytes: [UInt8]) {
        self.family = family
        self.bytes = bytes
    }

    /// The addresses of a name, best first: literals, then /etc/hosts, then getaddrinfo(3).
    ///
    /// /etc/hosts is read here because the name service of a statically linked binary loads shared
    /// libraries at run time, which guests should never need: all names they may use are in that file.
    public static func resolve(_ host: String) throws(SystemError) -> [Address] {
        if let literal = Address(host) { return [literal] }
        let listed = hosts(host)
        if !listed.isEmpty { return listed }
        if host == "localhost" { return [Address(family: AF_INET, bytes: [127, 0, 0, 1])] }
        var hints = addrinfo()
        hints.ai_socktype = 1  // SOCK_STREAM; else every address comes three times
        var first: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &first)
        guard code == 0 else {
            throw SystemError(
                call: "getaddrinfo", operand: host, code: code == EAI_SYSTEM ? cs_errno() : EHOSTUNREACH)
        }
        defer { freeaddrinfo(first) }
        return first.map(all(of:)) ?? []
    }

    public var description: String {
        if family == AF_INET { return bytes.map(String.init).joined(separator: ".") }
        var text = [CChar](repeating: 0, count: 64)
        guard inet_ntop(family, bytes, &text, 64) != nil else { return "?" }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Whether it is this machine, its network, or one that is not the internet's. IANA special-purpose
    /// registries; RFC 6890, RFC 4193, RFC 6598.
    public var isPrivate: Bool {
        if family == AF_INET { return Self.isPrivate(bytes) }
        // An IPv4 address in IPv6 clothes: mapped, NAT64 or 6to4.
        if bytes[..<10].allSatisfy({ $0 == 0 }), bytes[10] == 0xFF, bytes[11] == 0xFF {
            return Self.isPrivate(Array(bytes[12...]))
        }
        if bytes[..<12].elementsEqual([0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0]) {
            return Self.isPrivate(Array(bytes[12...]))
        }
        if bytes[0] == 0x20, bytes[1] == 0x02 { return Self.isPrivate(Array(bytes[2..<6])) }
        if bytes[..<15].allSatisfy({ $0 == 0 }) { return true }
        return bytes[0] & 0xFE == 0xFC || (bytes[0] == 0xFE && bytes[1] & 0x80 == 0x80) || bytes[0] == 0xFF
    }

    private static func isPrivate(_ v4: [UInt8]) -> Bool {
        switch (v4[0], v4[1]) {
        case (0, _), (10, _), (127, _), (169, 254), (192, 168), (172, 16...31), (100, 64...127),
            (198, 18...19):
            true
        case (192, 0): v4[2] == 0 || v4[2] == 2
        case (224...255, _): true
        default: false
        }
    }

    private static func all(of list: UnsafeMutablePointer<addrinfo>) -> [Address] {
        var found: [Address] = []
        var entry: UnsafeMutablePointer<addrinfo>? = list
        while let current = entry?.pointee {
            if let address = current.ai_addr, let resolved = Address(address, family: current.ai_family) {
                found.append(resolved)
            }
            entry = current.ai_next
        }
        return found
    }

    private init?(_ address: UnsafeMutablePointer<sockaddr>, family: Int32) {
        let raw = UnsafeRawPointer(address)
        switch family {
        // Offsets of sin_addr and sin6_addr are ABI.
        case AF_INET:
            self.init(family: family, bytes: Array(UnsafeRawBufferPointer(start: raw + 4, count: 4)))
        case AF_INET6:
            self.init(family: family, bytes: Array(UnsafeRawBufferPointer(start: raw + 8, count: 16)))
        default: return nil
        }
    }

    private static func hosts(_ name: String) -> [Address] {
        guard let text = try? Files.readText("/etc/hosts", limit: 1 << 20) else { return [] }
        return text.split(separator: "\n").compactMap { line in
            let words = line.prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" }
            guard let first = words.first, words.dropFirst().contains(where: { $0 == name }) else {
                return nil
            }
            return Address(String(first))
        }
    }
}

/// An IPv4 address.
public struct IPv4: Sendable, Hashable, CustomStringConvertible {
    /// Four bytes, most significant first.
    public var bytes: [UInt8]

    /// Four numbers.
    public init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) { bytes = [a, b, c, d] }

    /// Dotted decimal of four parts; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { part -> UInt8? in
            part.utf8.allSatisfy { (48...57).contains($0) } ? UInt8(part) : nil
        }
        guard parts.count == 4, numbers.count == 4 else { return nil }
        bytes = numbers
    }

    /// Dotted decimal.
    public var description: String { bytes.map(String.init).joined(separator: ".") }
}
