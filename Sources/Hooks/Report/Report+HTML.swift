import Kit

extension Report {
    /// One file without scripts, links or anything to load; the policy in it forbids the browser to try.
    var html: String {
        let title = "Session \(ReportText.html(session))"
        var output = """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy"
              content="default-src 'none'; style-src 'unsafe-inline'">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(title)</title>
            <style>
            :root { color-scheme: light dark; }
            body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; }
            table { border-collapse: collapse; margin: .5rem 0; }
            th, td { border: 1px solid #8886; padding: .25rem .6rem; text-align: left; vertical-align: top; }
            td { white-space: pre-wrap; overflow-wrap: anywhere; }
            pre { overflow-x: auto; border: 1px solid #8886; padding: .6rem; }
            code, pre { font: 13px/1.4 ui-monospace, monospace; }
            svg text { font: 11px system-ui, sans-serif; fill: currentColor; }
            svg line { stroke: #8886; }
            .completed, .passed { fill: #2a8b; } .failed, .lost { fill: #d33b; } .open { fill: #888b; }
            .add { background: #2a82; } .del { background: #d332; } .hunk { color: #888; }
            </style>
            </head>
            <body>
            <h1>\(title)</h1>
            <p>Release <code>\(ReportText.html(release))</code>, commit <code>\(commit)</code></p>

            """
        for section in sections {
            output += "<section>\n<h2>\(section.title)</h2>\n"
            output += section.blocks.map(Self.html).joined()
            output += "</section>\n"
        }
        let rows = artifacts.map { [$0.name, $0.kind.rawValue, String($0.bytes.count), $0.sha256] }
        output += "<section>\n<h2>Artifacts</h2>\n"
        output += Self.html(.table(columns: ["name", "kind", "bytes", "sha256"], rows: rows))
        return output + "</section>\n</body>\n</html>\n"
    }

    private static func html(_ block: Block) -> String {
        switch block {
        case .title(let text): return "<h3>\(ReportText.html(text))</h3>\n"
        case .chart(let chart): return chart.svg
        case .text(let text): return "<pre>\(ReportText.html(text))</pre>\n"
        case .facts(let facts):
            let rows = facts.map { fact in
                let (name, value) = (ReportText.html(fact.name), ReportText.html(fact.value))
                return "<tr><th scope=\"row\">\(name)</th><td>\(value)</td></tr>\n"
            }
            return "<table>\n\(rows.joined())</table>\n"
        case .table(let columns, let rows):
            let head = columns.map { "<th scope=\"col\">\(ReportText.html($0))</th>" }.joined()
            let body = rows.map { row in
                "<tr>\(row.map { "<td>\(ReportText.html($0))</td>" }.joined())</tr>\n"
            }
            return "<table>\n<thead><tr>\(head)</tr></thead>\n<tbody>\n\(body.joined())</tbody>\n</table>\n"
        case .patch(let files):
            return files.map { file in
                """
                <details open>
                <summary><code>\(ReportText.html(file.path))</code> +\(file.added) -\(file.removed)</summary>
                <pre>\(file.lines.map(html(line:)).joined(separator: "\n"))</pre>
                </details>

                """
            }.joined()
        }
    }

    private static func html(line: Substring) -> String {
        let text = ReportText.html(line)
        let kind =
            switch line.utf8.first {
            case UInt8(ascii: "+"): "add"
            case UInt8(ascii: "-"): "del"
            case UInt8(ascii: "@"): "hunk"
            default: ""
            }
        return kind.isEmpty ? text : "<span class=\"\(kind)\">\(text)</span>"
    }
}
