/// Checks UTF-8 that comes in pieces (RFC 3629): says at the first byte that cannot be right that it is
/// wrong.
struct UTF8Validator {
    /// Continuation bytes that must still come.
    private var missing = 0
    /// What the next continuation byte may be; narrower than 80...BF after some first bytes.
    private var range: ClosedRange<UInt8> = 0x80...0xBF

    /// True when no character is incomplete.
    var isComplete: Bool { missing == 0 }

    /// False when the bytes so far are not the start of any UTF-8 text.
    mutating func accept(_ bytes: some Sequence<UInt8>) -> Bool {
        for byte in bytes where !accept(byte) { return false }
        return true
    }

    private mutating func accept(_ byte: UInt8) -> Bool {
        if missing > 0 {
            guard range.contains(byte) else { return false }
            missing -= 1
            range = 0x80...0xBF
            return true
        }
        switch byte {
        case 0x00...0x7F: return true
        case 0xC2...0xDF: (missing, range) = (1, 0x80...0xBF)
        case 0xE0: (missing, range) = (2, 0xA0...0xBF)
        case 0xED: (missing, range) = (2, 0x80...0x9F)
        case 0xE1...0xEF: (missing, range) = (2, 0x80...0xBF)
        case 0xF0: (missing, range) = (3, 0x90...0xBF)
        case 0xF1...0xF3: (missing, range) = (3, 0x80...0xBF)
        case 0xF4: (missing, range) = (3, 0x80...0x8F)
        default: return false
        }
        return true
    }
}
