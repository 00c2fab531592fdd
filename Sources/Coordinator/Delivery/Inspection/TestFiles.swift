import Kit

/// Rules about tests, by the customs of many languages.
enum TestFiles {
    private static let directories: Set<String> = [
        "test", "tests", "spec", "specs", "__tests__", "testing", "testdata", "e2e", "integration-tests",
    ]
    private static let endings = [
        "_test.go", "_test.py", "_test.rb", "_spec.rb", "_test.dart", "_test.exs", "_test.c", "_test.cc",
        "_test.cpp", "_test.rs", "_tests.rs", "tests.swift", "test.swift", "test.java", "tests.java",
        "it.java",
        "test.kt", "test.php", "tests.cs", "test.cs", "spec.scala", "test.scala", ".bats", "_test.sh",
    ]

    static func isTest(_ path: [UInt8]) -> Bool {
        let parts = String(decoding: path, as: UTF8.self).lowercased().split(separator: "/")
        guard let name = parts.last else { return false }
        if parts.dropLast().contains(where: { directories.contains(String($0)) }) { return true }
        return name.hasPrefix("test_") || name.hasPrefix("test-") || endings.contains { name.hasSuffix($0) }
            || name.contains(".test.") || name.contains(".spec.") || name == "tests.py" || name == "test.py"
    }

    private enum Role { case begins, checks, skips }

    /// Words that begin a test, that check something in one, and that leave one out.
    private static let words: [(word: [UInt8], role: Role)] =
        [
            "def test_", "@test", "#[test]", "func test", "it(", "test(", "test_f(", "test_p(", "test_case(",
            "[test]", "[fact]", "[theory]", "[testmethod]", "#[tokio::test]", "test \"", "test '",
        ].map { (Array($0.utf8), .begins) }
        + ["assert", "expect", "check(", "require(", "should", "fail("].map { (Array($0.utf8), .checks) }
        + [
            "skip(", "skipif", ".skip", "xfail", "@disabled", "@ignore", "xit(", "xdescribe(", "t.skip",
            "#[ignore", "xctskip", ".disabled(", "gtest_skip", "disabled_", ".only(", "fit(", "fdescribe(",
            "[ignore", "skip=", "skip:",
        ].map { (Array($0.utf8), .skips) }

    private static let byFirstByte = Dictionary(grouping: words, by: { $0.word[0] })

    struct Count: Hashable {
        var cases = 0
        var checks = 0
        var skips = 0
    }

    /// How often a text begins a test, checks something in one, and leaves one out; by words, so roughly.
    static func count(_ bytes: ArraySlice<UInt8>) -> Count {
        var count = Count()
        let text = bytes.map { 0x41...0x5A ~= $0 ? $0 | 0x20 : $0 }
        for index in text.indices {
            guard let candidates = byFirstByte[text[index]] else { continue }
            for (word, role) in candidates where text[index...].starts(with: word) {
                // `it(` is no end of `commit(`.
                let isWord = index == 0 || !isLetter(text[index - 1]) || !isLetter(word[0])
                guard isWord else { continue }
                switch role {
                case .begins: count.cases += 1
                case .checks: count.checks += 1
                case .skips: count.skips += 1
                }
            }
        }
        return count
    }

    private static func isLetter(_ byte: UInt8) -> Bool { 0x61...0x7A ~= byte || byte == 0x5F }

    /// What a new version of tests has less of, in words; nil when nothing.
    static func loss(_ old: ArraySlice<UInt8>, _ new: ArraySlice<UInt8>) -> String? {
        let (before, now) = (count(old), count(new))
        if new.allSatisfy({ $0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 }), !old.isEmpty {
            return "it is empty now"
        }
        var words: [String] = []
        if now.cases < before.cases {
            words.append("\(before.cases - now.cases) of \(before.cases) tests are gone")
        }
        if now.checks == 0, before.checks > 0 { words.append("it checks nothing any more") }
        if now.skips > before.skips { words.append("\(now.skips - before.skips) more are skipped") }
        return words.isEmpty ? nil : words.joined(separator: ", ")
    }

    /// A JUnit report, by its first element.
    static func isReport(_ bytes: ArraySlice<UInt8>) -> Bool {
        let head = String(decoding: bytes.prefix(4096), as: UTF8.self)
        return head.contains("<testsuite") && !head.contains("<html")
    }
}
