import Kit
import TestSupport
import Testing

private let pytest = """
    ============================= test session starts ==============================
    collected 5 items

    tests/test_a.py .F.sx                                                    [100%]

    =================================== FAILURES ===================================
    FAILED tests/test_a.py::test_sum - assert 3 == 4
    ============= 1 failed, 2 passed, 1 skipped, 1 xfailed in 0.12s ================
    """

private let unittest = """
    .F.s
    ======================================================================
    FAIL: test_difference (tests.test_calculator.CalculatorTests.test_difference)
    ----------------------------------------------------------------------
    AssertionError: -2.0 != 2

    ----------------------------------------------------------------------
    Ran 4 tests in 0.001s

    FAILED (failures=1, skipped=1)
    """

private let nodeSpec = """
    ✔ adds (0.5ms)
    ✖ subtracts (1.2ms)
    ﹣ later (0.1ms) # SKIP
    ℹ tests 3
    ℹ suites 0
    ℹ pass 1
    ℹ fail 1
    ℹ cancelled 0
    ℹ skipped 1
    ℹ todo 0
    ℹ duration_ms 50.1

    ✖ failing tests:

    test at test.mjs:3:1
    ✖ subtracts (1.2ms)
      AssertionError [ERR_ASSERTION]: Expected values to be strictly equal
    """

private let tap = """
    TAP version 14
    1..5
    ok 1 - first
    not ok 2 - second
      ---
      message: broken
      ...
    ok 3 - third # SKIP no network
    not ok 4 - fourth # TODO: not written yet
    """

private let go = """
    === RUN   TestA
    --- PASS: TestA (0.00s)
    === RUN   TestB
    --- FAIL: TestB (0.01s)
        b_test.go:12: got 3, want 4
    --- SKIP: TestC (0.00s)
    FAIL
    FAIL\texample.com/b\t0.012s
    ok  \texample.com/a\t0.003s
    """

private let cargo = """
    running 3 tests
    test tests::adds ... ok
    test tests::subtracts ... FAILED
    test tests::slow ... ignored

    ---- tests::subtracts stdout ----
    thread 'tests::subtracts' panicked at src/lib.rs:14:9:
    assertion `left == right` failed

    test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
    """

private let swiftTesting = """
    ◇ Test run started.
    ✔ Test "adds" passed after 0.001 seconds.
    ✘ Test "subtracts" recorded an issue at SumTests.swift:9:5: Expectation failed: 1 == 2
    ✘ Test "subtracts" failed after 0.002 seconds with 1 issue.
    ➜ Test later() skipped: "no network"
    ✘ Test run with 3 tests in 1 suite failed after 0.003 seconds with 1 issue.
    """

private let xctest = """
    /src/Tests/SumTests.swift:12: error: SumTests.testB : XCTAssertEqual failed: ("1") is not equal to ("2")
    Test Suite 'SumTests' failed at 2026-01-01 00:00:00.000
    \t Executed 3 tests, with 1 test skipped and 1 failure (0 unexpected) in 0.002 (0.002) seconds
    """

private let junit = """
    <?xml version="1.0"?>
    <!DOCTYPE x [<!ENTITY a "b">]>
    <testsuites tests="99"><testsuite name="s" tests="4" failures="1">
    <testcase classname="a.B" name="works" time="0.1"/>
    <testcase classname="a.B" name="fails" file="b.py" line="3">
    <failure message="1 &lt; 2 &#38; so on">trace</failure></testcase>
    <testcase classname="a.B" name="breaks"><error><![CDATA[boom
    more]]></error></testcase>
    <testcase classname="a.B" name="later"><skipped/></testcase>
    </testsuite></testsuites>
    """

@Suite struct TestResultsTests {
    @Test(arguments: [
        (
            pytest,
            TestResults(
                format: "pytest", passed: 2, failed: 1, skipped: 2,
                failures: [
                    .init(
                        name: "tests/test_a.py::test_sum", message: "assert 3 == 4", place: "tests/test_a.py")
                ])
        ),
        (
            unittest,
            TestResults(
                format: "unittest", passed: 2, failed: 1, skipped: 1,
                failures: [
                    .init(name: "test_difference (tests.test_calculator.CalculatorTests.test_difference)")
                ])
        ),
        (
            nodeSpec,
            TestResults(
                format: "node", passed: 1, failed: 1, skipped: 1, failures: [.init(name: "subtracts")])
        ),
        (
            tap,
            TestResults(
                format: "tap", passed: 1, failed: 2, skipped: 2,
                failures: [.init(name: "second"), .init(name: "1 planned tests did not run")])
        ),
        (
            go,
            TestResults(
                format: "go", passed: 1, failed: 1, skipped: 1,
                failures: [.init(name: "TestB", message: "got 3, want 4", place: "b_test.go:12")])
        ),
        (
            cargo,
            TestResults(
                format: "cargo", passed: 1, failed: 1, skipped: 1,
                failures: [
                    .init(
                        name: "tests::subtracts", message: "assertion `left == right` failed",
                        place: "src/lib.rs:14:9")
                ])
        ),
        (
            swiftTesting,
            TestResults(
                format: "swift-testing", passed: 1, failed: 1, skipped: 1,
                failures: [
                    .init(
                        name: "subtracts", message: "Expectation failed: 1 == 2", place: "SumTests.swift:9:5")
                ])
        ),
        (
            xctest,
            TestResults(
                format: "xctest", passed: 1, failed: 1, skipped: 1,
                failures: [
                    .init(
                        name: "SumTests.testB",
                        message: "XCTAssertEqual failed: (\"1\") is not equal to (\"2\")",
                        place: "/src/Tests/SumTests.swift:12")
                ])
        ),
    ])
    func `the output of every runner is read`(output: String, results: TestResults) {
        #expect(TestResults.read(output: output) == results)
        let coloured = output.split(separator: "\n", omittingEmptySubsequences: false).map {
            "\u{1B}[32m\($0)\u{1B}[0m\r"
        }
        #expect(TestResults.read(output: coloured.joined(separator: "\n"))?.passed == results.passed)
    }

    @Test func `JUnit reports are counted by their cases and come before the output`() throws {
        let results = try #require(TestResults.read(output: pytest, reports: [junit]))
        #expect(results.format == "junit")
        #expect((results.passed, results.failed, results.skipped) == (1, 2, 1))
        #expect(
            results.failures == [
                .init(name: "a.B.fails", message: "1 < 2 & so on", place: "b.py:3"),
                .init(name: "a.B.breaks", message: "boom"),
            ])
    }

    @Test(.timeLimit(.minutes(1)))
    func `a report that is a trap is read as text, and its counts are bounded`() {
        let deep = String(repeating: "<testsuite>", count: 5000)
        let lol = (0..<20).map { "<!ENTITY l\($0 + 1) \"&l\($0);&l\($0);\">" }.joined()
        let head = "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY f SYSTEM \"file:///etc/passwd\">\(lol)]>"
        let one = "<testcase name=\"n\"><failure message=\"&f;&l20;\">&f;</failure></testcase>"
        for report in [
            deep, deep + one, head + "<testsuite>\(one)</testsuite>",
            "<testsuite tests=\"-5\" failures=\"1e21\" skipped=\"1000000000000000000000\"></testsuite>",
            "<testsuite tests=\"9223372036854775807\" failures=\"9223372036854775807\"></testsuite>",
        ] {
            let results = TestResults.read(output: "", reports: [report, report])
            for count in [results?.passed, results?.failed, results?.skipped] {
                #expect((0...200_000_000).contains(count ?? 0))
            }
            let words = (results?.failures ?? []).map { "\($0.name) \($0.message)" }.joined()
            #expect(!words.contains("root:") && words.utf8.count < 10_000)
        }
    }

    @Test func `a summary alone is enough`() {
        let node = TestResults.read(output: "# tests 3\n# pass 2\n# fail 1\n# skipped 0")
        #expect(node == TestResults(format: "node", passed: 2, failed: 1))
        let pytest = TestResults.read(output: "==== 5 passed, 1 failed in 0.1s ====")
        #expect(pytest == TestResults(format: "pytest", passed: 5, failed: 1))
    }

    @Test func `what is no output of tests has no results`() {
        #expect(TestResults.read(output: "") == nil)
        #expect(TestResults.read(output: "make: *** [all] Error 2\n3 files changed in 2 commits") == nil)
        #expect(TestResults.read(output: "ok, that worked", reports: ["<html></html>"]) == nil)
    }

    @Test func `output that is cut anywhere is read as far as it goes`() {
        for whole in [pytest, unittest, nodeSpec, tap, go, cargo, swiftTesting, xctest] {
            for count in stride(from: 0, to: whole.count, by: 7) {
                _ = TestResults.read(output: String(whole.prefix(count)), reports: [])
            }
        }
        for count in 0..<junit.count {
            let results = TestResults.read(output: "", reports: [String(junit.prefix(count))])
            #expect((results?.passed ?? 0) + (results?.failed ?? 0) + (results?.skipped ?? 0) <= 4)
        }
    }

    @Test func `hostile output never crashes and never counts below zero`() {
        var random = SeededRandom(seed: 1711)
        let seeds = [pytest, unittest, nodeSpec, tap, go, cargo, swiftTesting, xctest, junit]
        for round in 0..<4000 {
            let seed = seeds[round % seeds.count]
            var bytes = Array(seed.utf8)
            for _ in 0..<3 { bytes = random.mutate(bytes) }
            let text = String(decoding: bytes, as: UTF8.self)
            let results = TestResults.read(output: text, reports: round % 2 == 0 ? [text] : [])
            #expect([results?.passed, results?.failed, results?.skipped].allSatisfy { $0 ?? 0 >= 0 })
        }
        let huge =
            "1..99999999999999999999\nRan 999999999999999999 tests in 1s\n99999999999999999999 passed in 1s"
        #expect(TestResults.read(output: huge) == nil)
    }
}
