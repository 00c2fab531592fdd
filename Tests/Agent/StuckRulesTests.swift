import Kit
import Testing

@testable import Agent

@Suite struct StuckRulesTests {
    private func feed(_ steps: [(String, String, Bool)]) -> [String] {
        var rules = StuckRules()
        return steps.map { name, result, isError in
            let advice: String
            switch rules.advice(name, [:]) {
            case .go: advice = "go"
            case .nudge: advice = "nudge"
            case .stop: advice = "stop"
            }
            rules.record(name, [:], result: .string(result), isError: isError)
            return advice
        }
    }

    @Test func `the same call to the same end is nudged at the third and stopped at the fourth`() {
        #expect(feed(Array(repeating: ("a", "same", false), count: 4)) == ["go", "go", "nudge", "stop"])
    }

    @Test func `a result that changes is progress`() {
        #expect(feed((0..<10).map { ("wait", "\($0) s", false) }).allSatisfy { $0 == "go" })
    }

    @Test func `errors are the same whatever they say`() {
        #expect(feed((0..<4).map { ("a", "at \($0)", true) }) == ["go", "go", "nudge", "stop"])
    }

    @Test func `two calls in turn are nudged at the sixth and stopped at the eighth`() {
        let steps = (0..<8).map { ($0 % 2 == 0 ? "a" : "b", "same", false) }
        #expect(feed(steps) == ["go", "go", "go", "go", "go", "nudge", "nudge", "stop"])
    }

    @Test func `another call between starts the count again`() {
        let steps = [
            ("a", "s", false), ("a", "s", false), ("b", "s", false), ("a", "s", false), ("a", "s", false),
        ]
        #expect(feed(steps) == ["go", "go", "go", "go", "go"])
    }

    @Test func `other input is another call`() {
        var rules = StuckRules()
        for number in 0..<10 {
            #expect(rules.advice("a", ["n": JSON(number)]) == .go)
            rules.record("a", ["n": JSON(number)], result: "same", isError: false)
        }
    }
}
