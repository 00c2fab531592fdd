// The manual page, from the same descriptions as the help. Linux: man-pages(7), groff_man(7)
import Kit

enum ManPage {
    /// The page in roff.
    static var lines: [String] {
        var page = [
            ".\\\" Made by openclaw help --man.",
            ".TH OPENCLAW 1 \"\" \"openclaw \(Program.version)\" \"User Commands\"",
            ".SH NAME", "openclaw \\- a team of agents works on your repository, each in an isolated guest",
            ".SH SYNOPSIS", ".B openclaw", ".I COMMAND", "[\\fIoptions\\fR]",
            ".SH DESCRIPTION",
            escaped(
                "A session plans, writes, reviews and tests a change to a repository, and ends with a change "
                    + "that waits for your approval. Agents run in guests; keys stay on the host."),
        ]
        page.append(".SH COMMANDS")
        for command in Program.commands where command.group != .hidden { page += section(command) }
        page.append(".SH \"OPTIONS OF EVERY COMMAND\"")
        for option in Program.common { page += entry(option.usage, option.help) }
        for topic in HelpTopic.all {
            page.append(".SH \"\(escaped(topic.name.uppercased()))\"")
            page.append(escaped(topic.summary.prefix(1).uppercased() + topic.summary.dropFirst() + "."))
            for row in topic.rows { page += entry(row.name, row.meaning) }
            page += text(topic.text)
        }
        return page
    }

    private static func section(_ command: Command) -> [String] {
        var page = [".SS \"openclaw \(escaped(command.name)) \(escaped(command.operands))\""]
        page.append(escaped(command.summary.prefix(1).uppercased() + command.summary.dropFirst() + "."))
        for option in command.options { page += entry(option.usage, option.help) }
        page += text(command.notes)
        if !command.examples.isEmpty {
            page += [".PP", "Examples:", ".nf"] + command.examples.map { escaped("    " + $0) } + [".fi"]
        }
        return page
    }

    private static func entry(_ name: String, _ meaning: String) -> [String] {
        [".TP", "\\fB\(escaped(name))\\fR", escaped(meaning)]
    }

    /// Indented lines keep their shape, others are filled.
    private static func text(_ text: String) -> [String] {
        guard !text.isEmpty else { return [] }
        var page = [".PP"]
        var isShaped = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let isIndented = line.first == " "
            if isIndented != isShaped, !line.isEmpty {
                page.append(isIndented ? ".nf" : ".fi")
                isShaped = isIndented
            }
            page.append(line.isEmpty ? ".PP" : escaped(String(line)))
        }
        return isShaped ? page + [".fi"] : page
    }

    /// Backslashes and dashes as they are, and no line that starts a request.
    static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "\\": result += "\\e"
            case "-": result += "\\-"
            case "\"": result += "\\(dq"
            case "…": result += "..."
            default: result.append(character)
            }
        }
        return result.first == "." || result.first == "'" ? "\\&" + result : result
    }
}
