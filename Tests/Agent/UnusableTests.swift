import Kit
import Testing

@testable import Agent

private let task: JSON = ["id": "t1", "kind": "implement", "title": "Fix it"]

private func run(
    _ answers: [ModelClient.Answer], refusals: [Int: AgentError] = [:]
) throws -> (end: Conversation.End, model: FakeModel, harness: FakeHarness) {
    let model = FakeModel(answers, refusals: refusals)
    let harness = FakeHarness.plain()
    var conversation = try Conversation(harness: harness, model: model, task: task)
    return (try conversation.run(), model, harness)
}

/// Answers that are paid for and move nothing, and histories that are longer than the model's window.
@Suite struct UnusableTests {
    @Test func `a model that is cut at every answer ends with a reason and the cure`() throws {
        let cut = (0..<20).map { ModelClient.Answer.run("cat > long", id: "c\($0)") }
            .map { ModelClient.Answer.make($0.content, "max_tokens") }
        let (end, model, harness) = try run(cut)
        guard case .failed(let reason) = end else { return #expect(Bool(false), "it went on") }
        #expect(reason.contains("longest length 5 times") && reason.contains("max_tokens"))
        #expect(model.requests.count == AgentLimits.cutAnswers && harness.asked("tools.call").isEmpty)
        // One that goes on in between is none of that.
        let mixed = (0..<12).map { $0 % 3 == 2 ? ModelClient.Answer.run("ls \($0)", id: "c\($0)") : cut[$0] }
        #expect(try run(mixed + [.complete()]).end == .completed(result: "success", summary: "done it"))
    }

    @Test func `a model that only pauses ends, too`() throws {
        let (end, model, _) = try run((0..<30).map { _ in .say("…", "pause_turn") })
        guard case .failed(let reason) = end else { return #expect(Bool(false), "it went on") }
        #expect(reason.contains("paused 10 times") && model.requests.count == AgentLimits.pausedAnswers)
    }

    @Test(arguments: [
        "<tool_call>\nbash(ls)\n</tool_call>",
        "{\"name\": \"execute\", \"arguments\": {\"command\": \"ls\"}}",
    ])
    func `a call that was written and cannot be read is never success`(text: String) throws {
        let (end, model, _) = try run((0..<9).map { _ in .say(text) })
        guard case .failed(let reason) = end else { return #expect(Bool(false), "it went on") }
        #expect(reason.contains("--jinja") && model.requests.count == AgentLimits.unreadableCalls)
        // Told once, a model may find the right way.
        let (good, second, _) = try run([.say(text), .run("ls"), .complete()])
        #expect(good == .completed(result: "success", summary: "done it"))
        let told = try #require(second.requests[1]["messages"]?.arrayValue?.last)
        #expect(told.text.contains("nothing was called"))
    }

    @Test func `a history that is too long is summed up, and the window is remembered`() throws {
        let long = AgentError(refusal: "prompt is too long: 9000 tokens > 4096 maximum (the server says so)")
        #expect(long.isTooLong && long.window == 4096)
        let work = (0..<4).map { ModelClient.Answer.run("ls \($0)", id: "c\($0)") }
        let (end, model, _) = try run(
            work + [.say("I did four steps."), .complete()], refusals: [4: long])
        #expect(end == .completed(result: "success", summary: "done it"))
        let asked = model.requests.compactMap { $0["messages"]?.arrayValue }
        #expect(asked[5].last?.text.contains("hand-over to yourself") == true)
        #expect(asked[6].count < asked[4].count && asked[6][0].text.contains("I did four steps."))
    }

    @Test func `when even the summary does not fit, only the last exchange stays`() throws {
        let long = AgentError(refusal: "prompt is too long: 9000 tokens")
        #expect(long.isTooLong && long.window == nil)
        let work = (0..<4).map { ModelClient.Answer.run("ls \($0)", id: "c\($0)") }
        let (end, model, _) = try run(work + [.complete()], refusals: [4: long, 5: long, 6: long])
        #expect(end == .completed(result: "success", summary: "done it"))
        #expect(model.messages.count == 3)
        // A history that never fits is a failure, not a loop.
        let never = Dictionary(uniqueKeysWithValues: (0..<30).map { ($0, long) })
        #expect(throws: AgentError.self) { try run([], refusals: never) }
        #expect(!AgentError(refusal: "overloaded").isTooLong)
    }
}
