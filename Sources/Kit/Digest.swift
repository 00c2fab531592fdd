// Digests and the text forms of bytes. The arithmetic is libsodium's; this file only owns the memory.

import CSodium

/// SHA-256, BLAKE2b and HMAC over libsodium.
public enum Digest {
    /// libsodium asks for one call before any other; 0 is success, 1 "done before".
    private static let isReady: Bool = sodium_init() >= 0

    static func prepare() {
        precondition(isReady, "libsodium could not be initialized: the system has no source of random bytes")
    }

    /// 32 bytes. FIPS 180-4.
    public static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        prepare()
        var output = [UInt8](repeating: 0, count: 32)
        crypto_hash_sha256(&output, bytes, UInt64(bytes.count))
        return output
    }

    /// `sha256` as 64 lower-case hexadecimal digits.
    public static func sha256Hex(_ bytes: [UInt8]) -> String { Hex.encode(sha256(bytes)) }

    /// BLAKE2b (RFC 7693) with 32 bytes of output. The key is empty or has 16 to 64 bytes; anything else is
    /// a programmer's error.
    public static func blake2b(_ bytes: [UInt8], key: [UInt8] = []) -> [UInt8] {
        prepare()
        precondition(key.isEmpty || (16...64).contains(key.count), "a BLAKE2b key has 16 to 64 bytes")
        var output = [UInt8](repeating: 0, count: 32)
        crypto_generichash(&output, output.count, bytes, UInt64(bytes.count), key, key.count)
        return output
    }

    /// HMAC-SHA-256 (RFC 2104), 32 bytes, for keys of any length.
    public static func hmacSHA256(_ bytes: [UInt8], key: [UInt8]) -> [UInt8] {
        prepare()
        var state = crypto_auth_hmacsha256_state()
        var output = [UInt8](repeating: 0, count: 32)
        crypto_auth_hmacsha256_init(&state, key, key.count)
        crypto_auth_hmacsha256_update(&state, bytes, UInt64(bytes.count))
        crypto_auth_hmacsha256_final(&state, &output)
        return output
    }

    /// Compares without telling by its duration where two secrets differ. Lengths are not secret.
    public static func constantTimeEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && sodium_memcmp(left, right, left.count) == 0
    }

    /// Compares without telling by its duration where two secrets differ. Lengths are not secret.
    public static func constantTimeEqual(_ left: String, _ right: String) -> Bool {
        constantTimeEqual(Array(left.utf8), Array(right.utf8))
    }

    /// Bytes from the system's random source, fit for keys.
    public static func randomBytes(_ count: Int) -> [UInt8] {
        prepare()
        var output = [UInt8](repeating: 0, count: count)
        randombytes_buf(&output, count)
        return output
    }
}

/// SHA-256 of bytes that come in pieces.
public struct SHA256Stream {
    private var state = crypto_hash_sha256_state()

    public init() {
        Digest.prepare()
        crypto_hash_sha256_init(&state)
    }

    public mutating func update(_ bytes: [UInt8]) {
        crypto_hash_sha256_update(&state, bytes, UInt64(bytes.count))
    }

    /// The digest of everything so far, 32 bytes. More may follow.
    public func digest() -> [UInt8] {
        var copy = state
        var output = [UInt8](repeating: 0, count: 32)
        crypto_hash_sha256_final(&copy, &output)
        return output
    }

    /// `digest()` as 64 lower-case hexadecimal digits.
    public func hexDigest() -> String { Hex.encode(digest()) }
}

/// Bytes as hexadecimal digits.
public enum Hex {
    static let digits = Array("0123456789abcdef".utf8)

    /// Lower case.
    public static func encode(_ bytes: some Sequence<UInt8>) -> String {
        var output: [UInt8] = []
        for byte in bytes {
            output.append(digits[Int(byte >> 4)])
            output.append(digits[Int(byte & 15)])
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// Either case; nil when the length is odd or a character is no digit.
    public static func decode(_ text: some StringProtocol) -> [UInt8]? {
        var output: [UInt8] = []
        var high: UInt8?
        for byte in text.utf8 {
            guard let digit = digit(byte) else { return nil }
            if let first = high {
                output.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        return high == nil ? output : nil
    }

    /// The value of one hexadecimal digit in ASCII.
    public static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

/// RFC 4648 Base64.
public enum Base64 {
    public enum Alphabet: Sendable {
        /// `+` and `/`, padded with `=`.
        case standard
        /// `-` and `_`, without padding.
        case url
    }

    private static func characters(_ alphabet: Alphabet) -> [UInt8] {
        let common = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
        return Array((common + (alphabet == .standard ? "+/" : "-_")).utf8)
    }

    public static func encode(_ bytes: [UInt8], alphabet: Alphabet = .standard) -> String {
        let characters = characters(alphabet)
        var output: [UInt8] = []
        output.reserveCapacity((bytes.count + 2) / 3 * 4)
        var index = 0
        while index < bytes.count {
            let taken = min(3, bytes.count - index)
            var group: UInt32 = 0
            for offset in 0..<3 {
                group = group << 8 | (offset < taken ? UInt32(bytes[index + offset]) : 0)
            }
            for place in 0..<4 {
                if place <= taken {
                    output.append(characters[Int(group >> UInt32(18 - 6 * place) & 63)])
                } else if alphabet == .standard {
                    output.append(UInt8(ascii: "="))
                }
            }
            index += 3
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// Strict: nil for characters outside of the alphabet, wrong padding, or bits that no encoder leaves set.
    public static func decode(_ text: some StringProtocol, alphabet: Alphabet = .standard) -> [UInt8]? {
        var values = [UInt8](repeating: 255, count: 256)
        for (value, character) in characters(alphabet).enumerated() { values[Int(character)] = UInt8(value) }
        var bytes = Array(text.utf8)
        if alphabet == .standard {
            guard bytes.count.isMultiple(of: 4) else { return nil }
            for _ in 0..<2 where bytes.last == UInt8(ascii: "=") { bytes.removeLast() }
        }
        guard bytes.count % 4 != 1 else { return nil }
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count * 3 / 4)
        var group: UInt32 = 0
        var bits = 0
        for byte in bytes {
            let value = values[Int(byte)]
            guard value != 255 else { return nil }
            group = (group << 6 | UInt32(value)) & 0xFFFF
            bits += 6
            if bits >= 8 {
                bits -= 8
                output.append(UInt8(group >> UInt32(bits) & 0xFF))
            }
        }
        return group & ((1 << UInt32(bits)) - 1) == 0 ? output : nil
    }
}
