import Kit

extension Report {
    /// How much of a patch the Markdown form repeats, in bytes; the HTML form has all of it.
    private static let patchLimit = 64 << 10

    var markdown: String {
        var output = "# Session \(ReportText.markdown(session))\n\n"
        output += "Release `\(ReportText.markdown(release))`, commit `\(commit)`\n"
        for section in sections {
            output += "\n## \(section.title)\n"
            for text in section.blocks.map(Self.markdown) where !text.isEmpty { output += "\n" + text }
        }
        output += "\n## Artifacts\n\n| name | kind | bytes | sha256 |\n|---|---|---|---|\n"
        for artifact in artifacts {
            let name = ReportText.markdown(artifact.name)
            output +=
                "| \(name) | \(artifact.kind.rawValue) | \(artifact.bytes.count) | `\(artifact.sha256)` |\n"
        }
        return output
    }

    private static func markdown(_ block: Block) -> String {
        switch block {
        case .title(let text): return "### \(ReportText.markdown(text))\n"
        // The table of its spans says the same.
        case .chart: return ""
        case .text(let text): return ReportText.fenced(text)
        case .facts(let facts):
            return facts.map { fact in
                let name = ReportText.markdown(fact.name)
                guard fact.value.contains("\n") else {
                    return "- \(name): \(ReportText.markdown(fact.value))\n"
                }
                return "- \(name):\n\n\(ReportText.fenced(fact.value))"
            }.joined()
        case .table(let columns, let rows):
            let all = [columns, columns.map { _ in "---" }] + rows
            return all.enumerated().map { index, row in
                "| " + row.map { index == 1 ? $0 : ReportText.markdown($0) }.joined(separator: " | ") + " |\n"
            }.joined()
        case .patch(let files):
            var output = "| file | added | removed |\n| --- | --- | --- |\n"
            for file in files {
                output += "| \(ReportText.markdown(file.path)) | \(file.added) | \(file.removed) |\n"
            }
            let patch = files.map { $0.lines.joined(separator: "\n") }.joined(separator: "\n")
            guard patch.utf8.count <= patchLimit else { return output + "\nThe patch is in report.html.\n" }
            return output + "\n" + ReportText.fenced(patch, "diff")
        }
    }
}
