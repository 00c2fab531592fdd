// Known secrets in text that leaves a guest: found in the forms in which programs print them, and named
// instead.

/// Replaces the values of secrets by their names.
///
/// A value is found as it is, in base64 at any alignment (both alphabets), percent-encoded, in hexadecimal,
/// and as JSON escapes it; of a value of several lines also each long line. A value that comes in pieces is
/// found by `StreamRedactor`. Something that somebody encrypts, splits or spells differently on purpose is
/// not found: this is for accidents, and a guest holds nothing worth the effort.
public struct Redactor: Sendable {
    private struct Pattern: Sendable {
        let bytes: [UInt8]
        let replacement: [UInt8]
    }

    /// By their first byte; longer ones first, so that a form that contains another is replaced whole.
    private var patterns: [UInt8: [Pattern]] = [:]
    /// Whether a form begins with this byte.
    private var starts = [Bool](repeating: false, count: 256)

    /// Shorter values occur by chance; they are no secrets that anybody should use.
    public static let shortestValue = 8
    /// An encoded form must still be this long without its edges.
    private static let shortestForm = 8
    /// A line of a longer value that is a secret of its own: one line of a key, not the one that says so.
    private static let shortestLine = 16

    public init() {}

    /// - Parameter secrets: Values by name.
    public init(_ secrets: [String: String]) {
        var forms: [[UInt8]: String] = [:]
        for (name, value) in secrets.sorted(by: { $0.key < $1.key }) {
            let bytes = Array(value.utf8)
            guard bytes.count >= Self.shortestValue else { continue }
            for piece in [bytes] + Self.lines(bytes) {
                for form in Self.forms(piece) where form.count >= Self.shortestForm {
                    if forms[form] == nil { forms[form] = name }
                }
            }
        }
        for (form, name) in forms {
            patterns[form[0], default: []].append(
                Pattern(bytes: form, replacement: Array("[redacted \(name)]".utf8)))
        }
        for key in patterns.keys {
            starts[Int(key)] = true
            patterns[key]?.sort {
                ($0.bytes.count, $0.replacement.count) > ($1.bytes.count, $1.replacement.count)
            }
        }
    }

    public var isEmpty: Bool { patterns.isEmpty }

    public func redact(_ text: String) -> String {
        guard !isEmpty else { return text }
        let bytes = Array(text.utf8)
        guard let result = redact(bytes) else { return text }
        return String(decoding: result, as: UTF8.self)
    }

    /// Nil when nothing was found.
    public func redact(_ bytes: [UInt8]) -> [UInt8]? {
        guard !isEmpty else { return nil }
        let (result, copied, _) = scan(bytes, isWhole: true)
        return copied == 0 ? nil : result + bytes[copied...]
    }

    /// What may be shown of a text that goes on, and where the rest begins: at the first place that may be
    /// the start of a form, of a longer one than was found there too.
    func redact(start bytes: [UInt8]) -> (shown: [UInt8], rest: Int) {
        let (result, copied, end) = scan(bytes, isWhole: false)
        return (result + bytes[copied..<end], end)
    }

    /// - Returns: What is shown of the bytes before `copied`, and where the scan ended; between the two there
    ///   is nothing to hide.
    private func scan(_ bytes: [UInt8], isWhole: Bool) -> (result: [UInt8], copied: Int, end: Int) {
        var result: [UInt8] = []
        var copied = 0
        var index = 0
        while index < bytes.count {
            guard starts[Int(bytes[index])] else {
                index += 1
                continue
            }
            if !isWhole, isOpen(bytes[index...]) { break }
            guard let found = match(bytes, at: index) else {
                index += 1
                continue
            }
            result += bytes[copied..<index]
            result += found.replacement
            index += found.bytes.count
            copied = index
        }
        return (result, copied, index)
    }

    /// Whether a form begins with all of this and is longer.
    private func isOpen(_ rest: ArraySlice<UInt8>) -> Bool {
        guard let first = rest.first else { return false }
        return (patterns[first] ?? []).contains { $0.bytes.count > rest.count && $0.bytes.starts(with: rest) }
    }

    private func match(_ bytes: [UInt8], at index: Int) -> Pattern? {
        guard let candidates = patterns[bytes[index]] else { return nil }
        return candidates.first { pattern in
            index + pattern.bytes.count <= bytes.count
                && bytes[index..<(index + pattern.bytes.count)].elementsEqual(pattern.bytes)
        }
    }

    /// In every text of a value; names of members stay.
    public func redact(_ json: JSON) -> JSON {
        guard !isEmpty else { return json }
        switch json {
        case .string(let text): return .string(redact(text))
        case .array(let items): return .array(items.map { redact($0) })
        case .object(let members): return .object(members.mapValues { redact($0) })
        default: return json
        }
    }

    // MARK: Forms

    private static func lines(_ value: [UInt8]) -> [[UInt8]] {
        guard value.contains(0x0A) else { return [] }
        return value.split(separator: 0x0A).map { line in
            line.last == 0x0D ? Array(line.dropLast()) : Array(line)
        }
        .filter { $0.count >= shortestLine }
    }

    private static func forms(_ value: [UInt8]) -> [[UInt8]] {
        var forms = [value]
        for alphabet in [standard, urlSafe] { forms += (0..<3).map { base64(value, offset: $0, alphabet) } }
        for digits in [lower, upper] {
            forms.append(value.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
            forms.append(value.flatMap { isUnreserved($0) ? [$0] : percent($0, digits) })
            forms.append(value.flatMap { percent($0, digits) })
        }
        let quoted = JSON.string(String(decoding: value, as: UTF8.self)).serialized()
        forms.append(Array(quoted.dropFirst().dropLast()))
        return forms
    }

    private static let lower = Array("0123456789abcdef".utf8)
    private static let upper = Array("0123456789ABCDEF".utf8)
    private static let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    private static let standard = Array((letters + "+/").utf8)
    private static let urlSafe = Array((letters + "-_").utf8)

    private static func percent(_ byte: UInt8, _ digits: [UInt8]) -> [UInt8] {
        [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }

    /// RFC 3986, section 2.3
    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: true
        default: false
        }
    }

    /// The part of the encoding that depends on the value alone, when `offset` bytes come before it: six
    /// bits a letter, those that share bits with neighbours left out. RFC 4648
    private static func base64(_ value: [UInt8], offset: Int, _ alphabet: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        let bits = value.count * 8
        // The first letter boundary within the value.
        var position = (6 - offset * 8 % 6) % 6
        while position + 6 <= bits {
            let byte = position / 8
            let pair = UInt16(value[byte]) << 8 | UInt16(byte + 1 < value.count ? value[byte + 1] : 0)
            result.append(alphabet[Int(pair >> (10 - UInt16(position % 8))) & 63])
            position += 6
        }
        return result
    }
}
