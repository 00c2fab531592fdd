import Kit

/// Notices a model that goes round in circles: the same call with the same result, or two of them in turn.
///
/// A call that is made again because its result changes (a job that is waited for) is no circle. Two errors
/// count as the same result: their texts may hold times and addresses.
struct StuckRules {
    /// What to do about the call that is about to be made.
    enum Advice: Equatable {
        case go
        /// Make it, and tell the model.
        case nudge(String)
        /// Do not make it: the task has failed.
        case stop(String)
    }

    private struct Step {
        var name: String
        var input: JSON
        var result: JSON
        var isError: Bool

        func isCall(_ name: String, _ input: JSON) -> Bool { self.name == name && self.input == input }

        func isSame(as other: Step) -> Bool {
            isCall(other.name, other.input)
                && (isError == other.isError && (isError || result == other.result))
        }
    }

    private var steps: [Step] = []

    /// Calls that are remembered.
    private static let window = 20
    private static let nudgeAt = 3
    private static let alternationNudge = 6
    private static let alternationStop = 8

    /// Looks at a call before it is made.
    func advice(_ name: String, _ input: JSON) -> Advice {
        let run = runLength(name, input) + 1
        if run > Self.nudgeAt {
            return .stop("the model made the same call of \(name) \(run) times in a row, to the same end")
        }
        if run == Self.nudgeAt { return .nudge("This is the third identical call. Try something else.") }
        let turns = alternation(name, input) + 1
        if turns >= Self.alternationStop {
            return .stop("the model went back and forth between two calls \(turns) times, to the same end")
        }
        if turns >= Self.alternationNudge {
            return .nudge("You are going back and forth between the same two calls. Try something else.")
        }
        return .go
    }

    /// Remembers what came of a call.
    mutating func record(_ name: String, _ input: JSON, result: JSON, isError: Bool) {
        steps.append(Step(name: name, input: input, result: result, isError: isError))
        if steps.count > Self.window { steps.removeFirst(steps.count - Self.window) }
    }

    /// Identical calls with identical results just before this one.
    private func runLength(_ name: String, _ input: JSON) -> Int {
        guard let last = steps.last, last.isCall(name, input) else { return 0 }
        return steps.reversed().prefix { $0.isSame(as: last) }.count
    }

    /// Steps just before this call in which two different calls took turns.
    private func alternation(_ name: String, _ input: JSON) -> Int {
        guard steps.count >= 2 else { return 0 }
        let (one, other) = (steps[steps.count - 1], steps[steps.count - 2])
        guard !one.isSame(as: other), other.isCall(name, input) else { return 0 }
        return steps.reversed().enumerated().prefix { index, step in
            step.isSame(as: index % 2 == 0 ? one : other)
        }.count
    }
}
