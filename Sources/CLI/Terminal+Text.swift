// Text on a terminal: made harmless, measured in cells, cut and wrapped.
import Kit

extension Terminal {
    /// Text from a guest, a model or a repository, made harmless for a terminal: control characters, among
    /// them the start of every escape sequence, become visible symbols, and so do the marks that hide or
    /// reorder text.
    /// - Parameter keepsReturns: A carriage return is a symbol, too; otherwise it is a blank.
    static func harmless(_ text: String, keepsLines: Bool = false, keepsReturns: Bool = false) -> String {
        var result = String.UnicodeScalarView()
        var previous: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            defer { previous = scalar }
            switch scalar.value {
            case 0x0A where keepsLines, 0x09: result.append(scalar)
            case 0x0D where keepsReturns: result.append("\u{240D}")
            case 0x0A, 0x0D, 0x2028, 0x2029: result.append(" ")
            case 0..<0x20: result.append(Unicode.Scalar(0x2400 + scalar.value) ?? "?")
            case 0x7F: result.append("\u{2421}")
            // C1 controls; the marks that reorder what is shown (Trojan Source, CVE-2021-42574); tags, which
            // are invisible and yet read by models.
            case 0x80..<0xA0, 0x061C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069, 0xE0000...0xE007F:
                result.append("\u{FFFD}")
            default:
                // What takes no room is named, as it would not be seen at all.
                if ShownText.hides(scalar, after: previous) {
                    result.append(contentsOf: ShownText.mark(scalar).unicodeScalars)
                } else {
                    result.append(scalar)
                }
            }
        }
        return String(result)
    }

    /// The cells that a character takes: two for East Asian wide ones and emoji (Unicode TR 11), none for
    /// what only combines.
    static func width(_ character: Character) -> Int {
        var width = 0
        for scalar in character.unicodeScalars {
            switch scalar.value {
            case 0x20..<0x7F: width = max(width, 1)
            case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF,
                0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1F6FF,
                0x1F900...0x1F9FF, 0x20000...0x3FFFD, 0xFE0F:
                width = 2
            default:
                switch scalar.properties.generalCategory {
                case .nonspacingMark, .enclosingMark, .format, .control: break
                default: width = max(width, 1)
                }
            }
        }
        return width
    }

    /// The cells that a text takes.
    static func width(_ text: some StringProtocol) -> Int { text.reduce(0) { $0 + width($1) } }

    /// The text, cut to a number of cells, with a mark where it was cut.
    static func cut(_ text: String, to limit: Int) -> String {
        guard width(text) > limit else { return text }
        var result = ""
        var used = 0
        for character in text {
            used += width(character)
            if used > max(0, limit - 1) { break }
            result.append(character)
        }
        return result + "…"
    }

    /// Cut to a number of cells; sequences that set colours take none and are all kept.
    static func fitted(_ line: String, to limit: Int) -> String {
        var result = ""
        var used = 0
        var isEscape = false
        var isCut = false
        for character in line {
            if character == "\u{1B}" { isEscape = true }
            if isEscape {
                result.append(character)
                if character == "m" { isEscape = false }
                continue
            }
            guard !isCut else { continue }
            let shown: Character = character == "\t" ? " " : character
            used += width(shown)
            if used <= limit { result.append(shown) } else { isCut = true }
        }
        return result
    }

    /// The words of a text in lines of at most `limit` cells; a longer word has a line of its own.
    static func wrap(_ text: String, to limit: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if line.isEmpty {
                line = String(word)
            } else if width(line) + 1 + width(word) <= limit {
                line += " " + word
            } else {
                lines.append(line)
                line = String(word)
            }
        }
        return lines + [line]
    }
}
