import Kit
import TestSupport
import Testing

@testable import Core

/// What `--yes` passes, when something leaves the machine, and when an approval is taken back.
@Suite struct ConsentTests {
    /// A session that has done its work; the list is what is given.
    private static func lived(
        _ items: [ChangeItem], rules: [AllowRule] = [], pull: PullRequestOptions? = nil,
        autoApprove: Bool = true
    ) throws -> World {
        var world = World(seed: 1)
        try world.send(
            .start(World.configuration(agents: 1, autoApprove: autoApprove, pullRequest: pull)))
        try world.go { state in
            state.openEffects.contains { if case .inspectChange = $0 { true } else { false } }
        }
        let effect = try #require(
            world.running.first { if case .inspectChange = $0 { true } else { false } })
        world.running.removeAll { $0 == effect }
        try world.send(
            .succeeded(
                key: effect.key,
                .inspected(
                    ChangeInspection(
                        base: "", commit: world.state.head, tree: world.state.tree, items, rules: rules))))
        return world
    }

    @Test func `--yes never passes an item that needs a person, and the session waits for one`() throws {
        var world = try Self.lived([ChangeItem(.protectedPath, path: ".github/workflows/x.yml", "new")])
        try world.go { _ in false }
        #expect(world.state.phase == .approving && !world.state.isApproved)
        #expect(world.state.approvalHolds == ["protected-path: .github/workflows/x.yml: new"])
        try world.send(.approve(tree: world.state.tree, by: "me"))
        try world.go { _ in false }
        #expect(world.state.phase == .completed)
    }

    @Test func `--yes passes what only informs, and what the person allowed by kind and path`() throws {
        let item = ChangeItem(.protectedPath, path: ".github/workflows/x.yml", "new")
        for (items, rules) in [
            ([ChangeItem(.mode, path: "run.sh", "new, and executable")], []),
            ([item], ["protected-path:.github/workflows/**"]), ([item], ["protected-path"]),
        ] {
            var world = try Self.lived(items, rules: rules.compactMap { AllowRule($0) })
            try world.go { _ in false }
            #expect(world.state.phase == .completed, "\(rules)")
        }
        var world = try Self.lived([item], rules: [AllowRule("protected-path:.gitlab/**")].compactMap { $0 })
        try world.go { _ in false }
        #expect(world.state.phase == .approving)
    }

    @Test func `a list that could not be made, or is of another commit, stops --yes`() throws {
        var world = World(seed: 1)
        (world.listChance) = 200
        try world.send(.start(World.configuration(agents: 1)))
        try world.go { _ in false }
        #expect(world.state.phase == .approving)
        #expect(world.state.approvalHolds.first?.contains("could not be made") == true)
        var state = world.state
        state.inspection = nil
        #expect(!state.reasonsToHold.isEmpty)
        state.inspection = ChangeInspection(base: "", commit: "elsewhere", tree: state.tree, [], rules: [])
        #expect(!state.reasonsToHold.isEmpty)
    }

    @Test func `a draft that is watched leaves the machine after the answer, and not before`() throws {
        let pull = PullRequestOptions(isDraft: true, watchesChecks: true)
        var world = try Self.lived([], pull: pull, autoApprove: false)
        try world.go { _ in false }
        #expect(world.state.phase == .approving && world.pulls.isEmpty)
        try world.send(.approve(tree: world.state.tree, by: "me"))
        try world.go { _ in false }
        #expect(world.state.phase == .completed && world.pulls.count == 1)
        let order = world.events.map(\.body.type).filter {
            ["approval.granted", "pull.opened", "checks.reported", "delivery.merged"].contains($0)
        }
        #expect(Array(order.prefix(3)) == ["approval.granted", "pull.opened", "checks.reported"])
        #expect(Invariants(world.events).problems.isEmpty)
    }

    @Test func `a red check takes the approval back: what repairs it is approved anew`() throws {
        let pull = PullRequestOptions(isDraft: true, watchesChecks: true)
        var world = try Self.lived([], pull: pull, autoApprove: false)
        try world.go { _ in false }
        try world.send(.approve(tree: world.state.tree, by: "me"))
        world.redGateChance = 100
        try world.go { $0.order.contains("ci-1") }
        world.redGateChance = 0
        try world.go { _ in false }
        #expect(world.state.phase == .approving && !world.state.isApproved)
        #expect(world.events.contains { $0.body.type == "approval.voided" })
        try world.send(.approve(tree: world.state.tree, by: "me"))
        try world.go { _ in false }
        #expect(world.state.phase == .completed)
        #expect(Invariants(world.events).problems.isEmpty)
    }

    @Test func `the reviewer is told what the diff does not show`() throws {
        var world = World(seed: 1)
        world.listChance = 100
        try world.send(.start(World.configuration(agents: 4)))
        try world.go { state in state.tasks[SessionState.reviewTask]?.status == .working }
        let agent = try #require(world.state.tasks[SessionState.reviewTask]?.agent)
        let task = try #require(world.state.agentTask(SessionState.reviewTask, for: agent))
        #expect(task.context.inspection?.isEmpty == false)
    }
}
