import Core
import Delivery
import Journal
import Kit

/// What a diff of this session's result cannot show.
extension SessionRunner {
    /// Looks at a commit anew.
    func inspect(_ commit: String) throws(DeliveryError) -> ChangeInspection {
        try repository.inspect(commit, facts(of: try repository.tree(of: commit)))
    }

    /// The list of a commit for showing: as it was written down, or made now. One that cannot be made says
    /// so.
    func inspection(of commit: String) -> ChangeInspection {
        let state = state
        if let known = state.inspection, known.commit == commit { return known }
        do throws(DeliveryError) {
            return try inspect(commit)
        } catch {
            let tree = (try? repository.tree(of: commit)) ?? (commit == state.head ? state.tree : "")
            return .failed(base: repository.base, commit: commit, tree: tree, "\(error)")
        }
    }

    private func facts(of tree: String) -> InspectionFacts {
        let configuration = state.configuration
        var facts = InspectionFacts(
            testCommand: configuration?.testCommand,
            rules: (configuration?.allow ?? []).compactMap { AllowRule($0) })
        var counted: [String: GateTests] = [:]
        var green: Set<String> = []
        // Without its journal a session has nothing at all to say.
        for event in (try? world.journal.events(id)) ?? [] {
            switch event.body {
            case .gateCounted(_, let tree, let tests): counted[tree] = tests
            case .gatePassed(_, let tree, _, _): green.insert(tree)
            case .mergeMade(_, let commit, _, _), .taskMerged(_, let commit, _, _):
                facts.ownCommits.insert(commit)
            default: break
            }
        }
        facts.tests = counted[tree]
        let earlier = counted.filter { $0.key != tree && green.contains($0.key) }.values
        facts.earlierTests = earlier.max { $0.passed < $1.passed }
        return facts
    }
}
