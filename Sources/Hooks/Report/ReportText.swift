/// What comes from agents is text, whatever it tries to be.
enum ReportText {
    /// Without what could steer a terminal or turn the order of letters: controls, and the bidirectional
    /// overrides (Unicode TR 36). They become U+FFFD, so that something is seen to be missing.
    static func plain(_ text: some StringProtocol) -> String {
        var output = ""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x0A, 0x09: output.unicodeScalars.append(scalar)
            case 0x0D: continue
            case 0...0x1F, 0x7F...0x9F, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069, 0xFEFF:
                output.unicodeScalars.append("\u{FFFD}")
            default: output.unicodeScalars.append(scalar)
            }
        }
        return output
    }

    /// For HTML, inside elements and quoted attributes.
    static func html(_ text: some StringProtocol) -> String {
        var output = ""
        for scalar in plain(text).unicodeScalars {
            switch scalar {
            case "&": output += "&amp;"
            case "<": output += "&lt;"
            case ">": output += "&gt;"
            case "\"": output += "&quot;"
            case "'": output += "&#39;"
            default: output.unicodeScalars.append(scalar)
            }
        }
        return output
    }

    /// For one line of Markdown: everything that means something there is escaped.
    static func markdown(_ text: some StringProtocol) -> String {
        var output = ""
        for scalar in plain(text).unicodeScalars {
            if scalar == "\n" {
                output += " "
            } else if scalar.isASCII, "\\`*_{}[]()#+-.!|<>&~@:".unicodeScalars.contains(scalar) {
                output += "\\\(scalar)"
            } else {
                output.unicodeScalars.append(scalar)
            }
        }
        return output
    }

    /// A fenced block with a fence that the text cannot close.
    static func fenced(_ text: some StringProtocol, _ language: String = "text") -> String {
        let text = plain(text)
        var (longest, current) = (0, 0)
        for scalar in text.unicodeScalars {
            current = scalar == "`" ? current + 1 : 0
            longest = max(longest, current)
        }
        let fence = String(repeating: "`", count: max(3, longest + 1))
        return "\(fence)\(language)\n\(text)\(text.hasSuffix("\n") || text.isEmpty ? "" : "\n")\(fence)\n"
    }
}
