// Foreign text as it may be shown: nothing in it hides, reorders or steers.

/// Bytes and text of strangers, made safe to read.
public enum ShownText {
    /// True for what takes no room or changes the order of what is around it: it can make a text read as
    /// another one (Unicode TR 36; CVE-2021-42574). Joiners and variation selectors that follow an emoji are
    /// part of that emoji.
    public static func hides(_ scalar: Unicode.Scalar, after previous: Unicode.Scalar?) -> Bool {
        switch scalar.value {
        case 0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B...0x180F, 0x200B, 0x200C,
            0x200E, 0x200F, 0x2028...0x202E, 0x2060...0x206F, 0x3164, 0xFEFF, 0xFFA0, 0xFFF9...0xFFFB,
            0x1BCA0...0x1BCA3, 0x1D173...0x1D17A, 0xE0000...0xE0FFF:
            return true
        case 0x200D, 0xFE00...0xFE0F: return !isPicture(previous)
        default: return false
        }
    }

    /// What may stand before a joiner or a variation selector.
    private static func isPicture(_ scalar: Unicode.Scalar?) -> Bool {
        guard let scalar else { return false }
        switch scalar.value {
        // Digits and signs of keycaps, symbols, emoji, and what was joined to them.
        case 0x23, 0x2A, 0x30...0x39, 0xA9, 0xAE, 0x203C...0x3299, 0xFE0F, 0x1F000...0x1FAFF: return true
        default: return false
        }
    }

    /// True for control characters; a tab and a line feed are none here.
    public static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A: false
        case 0..<0x20, 0x7F..<0xA0: true
        default: false
        }
    }

    /// `U+200B`, in brackets that no text of ours uses.
    public static func mark(_ scalar: Unicode.Scalar) -> String {
        let hex = String(scalar.value, radix: 16, uppercase: true)
        return "<U+" + String(repeating: "0", count: max(0, 4 - hex.count)) + hex + ">"
    }

    /// One line: what hides or steers is named, line ends are blanks; cut to `limit` characters.
    public static func line(_ text: some StringProtocol, limit: Int = 300) -> String {
        var result = ""
        var (previous, count): (Unicode.Scalar?, Int) = (nil, 0)
        for scalar in text.unicodeScalars {
            if count == limit { return result + "…" }
            count += 1
            if scalar == "\n" || scalar == "\t" || scalar == "\r" {
                result += " "
            } else if hides(scalar, after: previous) || isControl(scalar) {
                result += mark(scalar)
            } else {
                result.unicodeScalars.append(scalar)
            }
            previous = scalar
        }
        return result
    }

    /// A path as git quotes it: as it is when all of it can be read, else in double quotes with the bytes
    /// that cannot in octal. Cut to a length that fits a line.
    public static func path(_ bytes: [UInt8]) -> String {
        guard let text = String(validating: bytes, as: UTF8.self), isPlain(text) else {
            return cut("\"" + bytes.map(quoted).joined() + "\"")
        }
        return cut(text)
    }

    private static func cut(_ text: String) -> String {
        guard text.utf8.count > pathLimit else { return text }
        return String(decoding: text.utf8.prefix(pathLimit), as: UTF8.self) + "…"
    }

    /// Longer than any path that is made by hand, in bytes.
    private static let pathLimit = 1000

    /// Nothing in it needs quotes.
    public static func isPlain(_ text: String) -> Bool {
        var previous: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            if scalar == "\"" || scalar == "\\" || scalar == "\t" || scalar == "\n" { return false }
            if isControl(scalar) || hides(scalar, after: previous) { return false }
            previous = scalar
        }
        return true
    }

    private static func quoted(_ byte: UInt8) -> String {
        switch byte {
        case 0x22, 0x5C: return "\\" + String(Unicode.Scalar(byte))
        case 0x20..<0x7F: return String(Unicode.Scalar(byte))
        default:
            let octal = String(byte, radix: 8)
            return "\\" + String(repeating: "0", count: 3 - octal.count) + octal
        }
    }
}

extension StringProtocol {
    /// The lines as bytes have them, each without its line feed: CR LF is one character for Swift, but its
    /// LF ends a line. A text that ends with a line feed has an empty last one.
    public var byteLines: [Substring] {
        Substring(self).utf8.split(separator: 0x0A, omittingEmptySubsequences: false).map { Substring($0) }
    }
}
