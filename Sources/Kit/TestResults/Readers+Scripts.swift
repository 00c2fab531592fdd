/// pytest: the last line sums up; the short summary names failures.
enum PytestOutput {
    static func read(_ lines: [Line]) -> TestResults? {
        var results = TestResults(format: "pytest")
        var hasSummary = false
        for line in lines {
            let body = line.text.drop { $0 == "=" || $0 == " " }
            if let first = body.first, first.isNumber, isSummary(line) {
                hasSummary = true
                results.passed = (line.count(before: "passed") ?? 0) + (line.count(before: "xpassed") ?? 0)
                results.failed =
                    (line.count(before: "failed") ?? 0) + (line.count(before: "error") ?? 0)
                    + (line.count(before: "errors") ?? 0)
                results.skipped = (line.count(before: "skipped") ?? 0) + (line.count(before: "xfailed") ?? 0)
            } else if let rest = line.after("FAILED ") ?? line.after("ERROR "), rest.contains(".py") {
                let dash = rest.firstRange(of: " - ")
                let name = dash.map { rest[..<$0.lowerBound] } ?? rest
                results.note(
                    .init(
                        name: String(name), message: dash.map { String(rest[$0.upperBound...]) } ?? "",
                        place: name.firstRange(of: "::").map { String(name[..<$0.lowerBound]) }))
            }
        }
        return hasSummary ? results : nil
    }

    /// `3 passed, 1 failed in 0.12s`, with or without the bars around it.
    private static func isSummary(_ line: Line) -> Bool {
        guard let within = line.text.firstRange(of: " in ") else { return false }
        let time = line.text[within.upperBound...].prefix { $0.isNumber || $0 == "." || $0 == "s" }
        guard time.hasSuffix("s") else { return false }
        return ["passed", "failed", "error", "errors", "skipped", "xfailed", "xpassed"]
            .contains { line.count(before: $0) != nil }
    }
}

/// Python's unittest.
enum UnittestOutput {
    static func read(_ lines: [Line]) -> TestResults? {
        var results = TestResults(format: "unittest")
        var total: Int?
        for line in lines {
            if let rest = line.after("Ran "), rest.contains(" test"), rest.contains(" in ") {
                total = Line.count(rest.prefix { $0.isNumber })
            } else if let rest = line.after("FAIL: ") ?? line.after("ERROR: ") {
                results.note(.init(name: String(rest)))
            } else if total != nil, let rest = line.after("FAILED (") ?? line.after("OK (") {
                for part in rest.split(whereSeparator: { ", )".contains($0) }) {
                    let pair = part.split(separator: "=")
                    guard pair.count == 2, let count = Line.count(pair[1]) else { continue }
                    switch pair[0] {
                    case "failures", "errors": results.failed += count
                    case "skipped": results.skipped += count
                    default: break
                    }
                }
            }
        }
        guard let total else { return nil }
        results.passed = max(0, total - results.failed - results.skipped)
        return results
    }
}

/// node --test: both reporters end with the same summary, and say failures each in its own way.
enum NodeOutput {
    static func read(_ lines: [Line]) -> TestResults? {
        var results = TestResults(format: "node")
        var seen: Set<Substring> = []
        var inFailures = false
        for line in lines {
            let text = line.text.drop { $0 == " " }
            if text.hasPrefix("# ") || text.hasPrefix("ℹ ") {
                let words = text.dropFirst(2).split(separator: " ")
                guard words.count == 2, let count = Line.count(words[1]) else { continue }
                switch words[0] {
                case "pass": results.passed = count
                case "fail": results.failed = count
                case "skipped": results.skipped = count
                case "tests", "suites", "todo", "cancelled": break
                default: continue
                }
                seen.insert(words[0])
            } else if text.hasPrefix("✖ failing tests:") {
                // From here on the failures come once more, with their errors.
                inFailures = true
                results.failures = []
            } else if text.hasPrefix("✖ ") {
                results.note(.init(name: name(text.dropFirst(2))))
            } else if text.hasPrefix("test at "), inFailures {
                continue
            } else if text.hasPrefix("not ok "), let dash = text.firstRange(of: " - ") {
                results.note(.init(name: String(text[dash.upperBound...])))
            }
        }
        return seen.isSuperset(of: ["tests", "pass", "fail"]) ? results : nil
    }

    /// Without the time behind it: `adds (1.2ms)`.
    private static func name(_ text: Substring) -> String {
        guard text.hasSuffix("ms)"), let open = text.lastIndex(of: "(") else { return String(text) }
        return String(text[..<open]).trimmedEnd
    }
}

/// TAP 12 to 14: a line a test; indented ones are parts of a test and do not count.
enum TAPOutput {
    static func read(_ lines: [Line]) -> TestResults? {
        var results = TestResults(format: "tap")
        var planned: Int?
        for line in lines {
            if let rest = line.after("1.."), let count = Line.count(rest.prefix { $0.isNumber }) {
                planned = count
            } else if line.text.hasPrefix("ok") || line.text.hasPrefix("not ok") {
                let isOK = line.text.hasPrefix("ok")
                let rest = line.text.dropFirst(isOK ? 2 : 6)
                guard rest.isEmpty || rest.first == " " else { continue }
                let hash = rest.firstRange(of: "# ")
                let directive = hash.map { rest[$0.upperBound...].prefix(4).uppercased() } ?? ""
                var name = rest[..<(hash?.lowerBound ?? rest.endIndex)].drop { $0 == " " }
                name = name.drop { $0.isNumber }.drop { $0 == " " || $0 == "-" }
                if directive == "SKIP" || directive == "TO" + "DO" {
                    results.skipped += 1
                } else if isOK {
                    results.passed += 1
                } else {
                    results.failed += 1
                    results.note(.init(name: String(name).trimmedEnd))
                }
            } else if let rest = line.after("Bail out!") {
                results.failed += 1
                results.note(.init(name: "Bail out!", message: String(rest)))
            }
        }
        guard let planned else { return nil }
        // A test that is planned and does not come has failed.
        let seen = results.passed + results.failed + results.skipped
        if planned > seen, planned - seen <= TestResults.countLimit {
            results.failed += planned - seen
            results.note(.init(name: "\(planned - seen) planned tests did not run"))
        }
        return results
    }
}

extension String {
    fileprivate var trimmedEnd: String {
        var text = self[...]
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
