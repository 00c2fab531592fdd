/// Takes secrets out of what leaves the machine. The journal has none by design; this is for what a tool
/// printed, a model repeated or a person typed.
public struct ExportRedactor: Sendable {
    /// What stands in their place.
    public static let mark = "[redacted]"

    /// How keys of known services begin; at least so many characters follow.
    private static let prefixes = [
        "sk-ant-", "sk-proj-", "sk-", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-",
        "xoxb-", "xoxp-", "AKIA", "ASIA", "AIza", "npm_", "pypi-", "hf_", "dop_v1_",
    ].map { Array($0.utf8) }
    private static let least = 16
    /// The hexadecimal half of an agent's token.
    private static let tokenDigits = 64

    private static let blockBegin = Array("-----BEGIN ".utf8)

    private let names: [(name: [UInt8], other: String)]
    /// Whether what is replaced can begin with a byte.
    private let begins: [Bool]

    /// - Parameter names: Texts to replace, such as the path of the home directory.
    public init(names: [String: String] = [:]) {
        self.names = names.filter { $0.key.utf8.count > 1 }.map { (Array($0.key.utf8), $0.value) }.sorted {
            $0.0.count > $1.0.count
        }
        var begins = [Bool](repeating: false, count: 256)
        for word in self.names.map(\.name) + Self.prefixes + [Self.blockBegin, [UInt8(ascii: ".")]] {
            begins[Int(word[0])] = true
        }
        self.begins = begins
    }

    /// The document with every text redacted, names of members too.
    public func redact(_ json: JSON) -> JSON {
        switch json {
        case .string(let text): return .string(redact(text))
        case .array(let elements): return .array(elements.map(redact))
        case .object(let members):
            return .object(
                Dictionary(members.map { (redact($0.key), redact($0.value)) }) { first, _ in first })
        default: return json
        }
    }

    public func redact(_ text: String) -> String {
        var text = text
        return text.withUTF8 { bytes in replaced(bytes) } ?? text
    }

    /// Nil when there is nothing to replace, as almost always.
    private func replaced(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
        var output: [UInt8] = []
        var (index, kept) = (0, 0)
        while index < bytes.count {
            guard begins[Int(bytes[index])], let (count, other) = match(bytes, at: index) else {
                index += 1
                continue
            }
            output += bytes[kept..<index]
            output += other.utf8
            index += count
            kept = index
        }
        return kept == 0 ? nil : String(decoding: output + bytes[kept...], as: UTF8.self)
    }

    private func match(
        _ bytes: UnsafeBufferPointer<UInt8>, at index: Int
    ) -> (count: Int, other: String)? {
        for (name, other) in names where bytes[index...].starts(with: name) {
            return (name.count, other)
        }
        switch bytes[index] {
        case UInt8(ascii: "-"): return block(bytes, at: index)
        case UInt8(ascii: "."):
            let digits = bytes[(index + 1)...].prefix { Hex.digit($0) != nil }
            return digits.count == Self.tokenDigits ? (1 + digits.count, ".\(Self.mark)") : nil
        default: break
        }
        guard index == 0 || !Self.isWord(bytes[index - 1]) else { return nil }
        for prefix in Self.prefixes where bytes[index...].starts(with: prefix) {
            let rest = bytes[(index + prefix.count)...].prefix(while: Self.isWord)
            if rest.count >= Self.least { return (prefix.count + rest.count, Self.mark) }
        }
        return nil
    }

    /// A private key in PEM, to its end or to the end of the text.
    private func block(
        _ bytes: UnsafeBufferPointer<UInt8>, at index: Int
    ) -> (count: Int, other: String)? {
        let begin = Self.blockBegin
        guard bytes[index...].starts(with: begin) else { return nil }
        let kind = bytes[(index + begin.count)...].prefix { $0 != UInt8(ascii: "-") }
        guard String(decoding: kind, as: UTF8.self).hasSuffix("PRIVATE KEY") else { return nil }
        let last = Array("-----END ".utf8) + kind + Array("-----".utf8)
        let end = bytes[index...].firstRange(of: last)?.upperBound ?? bytes.endIndex
        return (end - index, Self.mark)
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: true
        default: false
        }
    }
}
