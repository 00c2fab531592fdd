// One reader for each kind of output. Golden outputs of the real programs are in the tests.

/// `cargo test`: a line a test, a summary a binary.
enum CargoOutput {
    static func read(_ lines: [Line]) -> TestResults? {
        var results = TestResults(format: "cargo")
        var hasSummary = false
        var places: [String: (place: String, message: String)] = [:]
        var panicking: String?
        for line in lines {
            if let rest = line.after("test result: "), let passed = line.count(before: "passed") {
                _ = rest
                hasSummary = true
                results.passed += passed
                results.failed += line.count(before: "failed") ?? 0
                results.skipped += line.count(before: "ignored") ?? 0
            } else if let rest = line.after("test "), rest.hasSuffix(" ... FAILED") {
                results.note(.init(name: String(rest.dropLast(" ... FAILED".count))))
            } else if let rest = line.after("thread '"), let end = rest.firstRange(of: "' panicked at ") {
                // Since 1.73: the place on this line, the message on the next.
                let name = String(rest[..<end.lowerBound])
                places[name] = (String(rest[end.upperBound...].drop { $0 == "'" }), "")
                panicking = name
            } else if let name = panicking {
                places[name]?.message = String(line.text)
                panicking = nil
            }
        }
        guard hasSummary else { return nil }
        for index in results.failures.indices {
            guard let found = places[results.failures[index].name] else { continue }
            var place = found.place[...]
            if place.hasSuffix(":") { place = place.dropLast() }
            results.failures[index].place = String(place)
            results.failures[index].message = String(found.message.prefix(TestResults.messageCharacters))
        }
        return results
    }
}

/// `go test`, with or without -v. Without it only packages and failures are named.
enum GoOutput {
    static func read(_ lines: [Line]) -> TestResults? {
        var results = TestResults(format: "go")
        var packages = (passed: 0, failed: 0)
        var open: Int?
        for line in lines {
            let text = line.text.drop { $0 == " " }
            if text.hasPrefix("--- ") {
                let words = text.split(separator: " ")
                guard words.count >= 3, text.hasSuffix("s)") else { continue }
                open = nil
                switch words[1] {
                case "PASS:": results.passed += 1
                case "SKIP:": results.skipped += 1
                case "FAIL:":
                    results.failed += 1
                    results.note(.init(name: String(words[2])))
                    open = results.failures.count - 1
                default: break
                }
            } else if line.text.hasPrefix("ok  \t") {
                packages.passed += 1
            } else if line.text.hasPrefix("FAIL\t") {
                packages.failed += 1
            } else if let index = open, results.failures.indices.contains(index),
                results.failures[index].place == nil, line.text.hasPrefix("    "),
                let colon = text.firstRange(of: ": ")
            {
                // `    file_test.go:12: message`
                let place = text[..<colon.lowerBound]
                guard place.contains(".go:") else { continue }
                results.failures[index].place = String(place)
                results.failures[index].message = String(
                    text[colon.upperBound...].prefix(TestResults.messageCharacters))
            }
        }
        guard packages.passed + packages.failed > 0 else { return nil }
        if results.isEmpty { (results.passed, results.failed) = packages }
        return results
    }
}

/// Swift Testing: lines with a symbol, a summary of the run.
enum SwiftTestingOutput {
    static func read(_ lines: [Line]) -> TestResults? {
        var results = TestResults(format: "swift-testing")
        var total: Int?
        for line in lines {
            guard let blank = line.text.firstIndex(of: " ") else { continue }
            let rest = line.text[line.text.index(after: blank)...]
            guard rest.hasPrefix("Test ") else { continue }
            if rest.hasPrefix("Test run with ") {
                total = Line.count(rest.dropFirst("Test run with ".count).prefix { $0.isNumber })
                continue
            }
            if let issue = rest.firstRange(of: " recorded an issue at ") {
                let name = self.name(rest[..<issue.lowerBound])
                let tail = rest[issue.upperBound...]
                let colon = tail.firstRange(of: ": ")
                results.note(
                    .init(
                        name: name, message: colon.map { String(tail[$0.upperBound...]) } ?? "",
                        place: String(colon.map { tail[..<$0.lowerBound] } ?? tail)))
            } else if rest.contains(" failed after ") {
                results.failed += 1
            } else if rest.contains(" skipped") {
                results.skipped += 1
            }
        }
        guard let total else { return nil }
        results.passed = max(0, total - results.failed - results.skipped)
        return results
    }

    private static func name(_ text: Substring) -> String {
        var name = text.dropFirst("Test ".count)
        if name.hasPrefix("\""), let end = name.dropFirst().firstIndex(of: "\"") {
            name = name[name.index(after: name.startIndex)..<end]
        }
        return String(name)
    }
}

/// XCTest: the outermost suite's summary comes last.
enum XCTestOutput {
    static func read(_ lines: [Line]) -> TestResults? {
        var results = TestResults(format: "xctest")
        var hasSummary = false
        for line in lines {
            let text = line.text.drop { $0 == " " || $0 == "\t" }
            if text.hasPrefix("Executed "), text.contains(" test"), text.contains(" failure") {
                let words = text.split { !$0.isLetter && !$0.isNumber }
                guard words.count > 1, let total = Line.count(words[1]) else { continue }
                hasSummary = true
                results.failed = line.count(before: "failure") ?? line.count(before: "failures") ?? 0
                results.skipped = line.count(before: "test skipped").map { $0 } ?? skipped(words)
                results.passed = max(0, total - results.failed - results.skipped)
            } else if let error = text.firstRange(of: ": error: "), text.contains(".swift:") {
                let tail = text[error.upperBound...]
                let parts = tail.firstRange(of: " : ")
                results.note(
                    .init(
                        name: String(parts.map { tail[..<$0.lowerBound] } ?? tail.prefix(80)),
                        message: parts.map { String(tail[$0.upperBound...]) } ?? String(tail),
                        place: String(text[..<error.lowerBound])))
            }
        }
        return hasSummary ? results : nil
    }

    /// `Executed 5 tests, with 1 test skipped and 1 failure`
    private static func skipped(_ words: [Substring]) -> Int {
        guard let index = words.firstIndex(of: "skipped"), index >= 2 else { return 0 }
        return Line.count(words[index - 2]) ?? 0
    }
}
