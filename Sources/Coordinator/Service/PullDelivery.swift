import Core
import Delivery
import Gateway
import Journal
import Kit
import Synchronization
import System

/// The result as a pull request. Every step looks first at what is there, so that each may be done again.
struct PullDelivery: Sendable {
    let session: SessionRunner

    private var repository: SessionRepository { session.repository }

    private struct Target {
        let options: PullRequestOptions
        let remote: String
        let place: ForgePlace
        let token: String?
        let base: String
    }

    /// Puts the approved result where its checks run.
    func propose(_ commit: String) throws -> EffectResult {
        let pull = try put(commit, isDraft: true).pull
        return .pull(Self.state(pull, commit), branch: repository.branch, isMerged: nil)
    }

    /// Brings the approved commit home.
    func deliver(_ commit: String, merging: Bool) throws -> EffectResult {
        let options = session.state.configuration?.pullRequest
        // One that was a draft for its checks is ready by now; what is merged is no draft.
        let isDraft = options?.isDraft == true && options?.watchesChecks == false && !merging
        var (pull, pulls) = try put(commit, isDraft: isDraft)
        if merging, pull.state == .open {
            try pulls.merge(pull, commit: commit, branch: repository.branch)
            pull.state = .merged
        }
        return .pull(
            Self.state(pull, commit), branch: repository.branch, isMerged: pull.state == .merged)
    }

    /// How often one looks, how long none at all is no answer, and when one gives up.
    private static let lookMilliseconds = 15_000
    private static let graceMilliseconds = 90_000
    private static let limitMilliseconds = 2 * 3_600_000

    func watch(_ commit: String, _ number: Int) throws -> EffectResult {
        let target = try target()
        let look = Environment.get("OPENCLAW_CHECKS_MS").flatMap { Int($0) } ?? Self.lookMilliseconds
        let checks = try PullRequests(target.place, token: target.token).watch(
            commit, everyMilliseconds: look, graceMilliseconds: min(Self.graceMilliseconds, look * 6),
            limitMilliseconds: Self.limitMilliseconds,
            // What was asked about is not the result any more.
            isOver: { [session] in session.state.phase.isOver || session.state.head != commit })
        guard checks.failures.isEmpty else {
            return .checks(.red, summary: checks.failures.joined(separator: "\n\n"))
        }
        guard checks.passed > 0 else {
            let skipped = checks.count > 0 ? " that ran; \(checks.count) were skipped" : ""
            return .checks(
                .unknown,
                summary: "the forge knows no checks of \(commit.prefix(12))\(skipped). If none are set up, "
                    + "approve without them: openclaw approve \(session.id)")
        }
        return .checks(.green, summary: "\(checks.count) checks are green")
    }

    private static func state(_ pull: ForgePull, _ commit: String) -> PullRequestState {
        PullRequestState(url: pull.url, number: pull.number, commit: commit, isDraft: pull.isDraft)
    }

    private func put(_ commit: String, isDraft: Bool) throws -> (pull: ForgePull, pulls: PullRequests) {
        let target = try target()
        _ = try RemoteDelivery.push(
            repository, commit: commit, to: target.remote, tokens: session.forgeTokens.withLock { $0 },
            home: session.state.configuration.flatMap { $0.isRemote ? nil : $0.repository })
        let text = try text(commit)
        let wish = ForgeWish(
            branch: repository.branch, base: target.base, title: text.title, text: text.markdown,
            isDraft: isDraft)
        let pulls = PullRequests(target.place, token: target.token)
        let pull = try pulls.put(
            wish, commit: commit, labels: target.options.labels, reviewers: target.options.reviewers)
        return (pull, pulls)
    }

    private func target() throws -> Target {
        guard let configuration = session.state.configuration, let options = configuration.pullRequest else {
            throw EffectRunner.Failure("the session is not delivered as a pull request")
        }
        let remote = configuration.pullRequestRemote
        let place = try ForgePlace(remote: remote, provider: options.provider, api: options.api)
        return Target(
            options: options, remote: remote, place: place,
            token: ForgeCredential.find(place, session.forgeTokens.withLock { $0 }),
            base: options.base ?? configuration.baseBranch ?? "main")
    }

    // MARK: Words

    private func text(_ commit: String) throws -> PullRequestText {
        let state = session.state
        let events = try session.world.journal.events(session.id)
        let task = state.configuration?.task ?? ""
        let summary = state.plan.map { $0.summary.isEmpty ? task : $0.summary } ?? task
        var text = PullRequestText(
            session: session.id, task: task, summary: summary, cost: Money.text(state.spent),
            tree: state.tree,
            journalHead: session.world.journal.head(session.id) ?? "")
        text.attention = session.inspection(of: commit).lines
        for event in events {
            switch event.body {
            case .taskMerged(let task, let commit, _, let files) where !files.isEmpty:
                let known = state.tasks[task]
                text.steps.append(
                    .init(
                        task: task, title: known?.plan.title ?? "", agent: known?.agent ?? "", commit: commit)
                )
            case .gatePassed(let task, let tree, let command?, _):
                text.evidence.append(
                    "gate of \(task): \(HarmlessText.code(command)) green on tree \(tree.prefix(12))")
            case .acceptanceChecked(let task, let tree, let command, 0, _) where tree == state.tree:
                text.evidence.append(
                    "check of \(task): \(HarmlessText.code(command)) ends with 0 on tree \(tree.prefix(12))")
            case .gateCounted(_, let tree, let tests) where tree == state.tree:
                text.evidence.append(
                    "tests on tree \(tree.prefix(12)): \(tests.passed) passed, \(tests.failed) failed, "
                        + "\(tests.skipped) skipped")
            case .reviewSubmitted(let agent, let tree, let verdict, let summary):
                text.evidence.append(
                    "\(agent), \(verdict.rawValue), tree \(tree.prefix(12)): "
                        + HarmlessText.markdown(String(summary.prefix(500))))
            case .testsReported(let agent, let tree, let command, let code, _, _, _, _):
                text.evidence.append(
                    "\(agent) ran \(HarmlessText.code(command)) on tree \(tree.prefix(12)): exit code \(code)"
                )
            default: break
            }
        }
        for path in PullRequestText.templates where text.template == nil {
            let found = try repository.file(path, in: repository.base, limitBytes: 16 << 10)
            text.template = found.map { String(decoding: $0, as: UTF8.self) }
        }
        return text
    }
}

extension SessionConfiguration {
    /// Where the pull request is: the repository itself, or where a local one was cloned from.
    var pullRequestRemote: String {
        isRemote ? repository : SourceRepository.remote(of: repository) ?? repository
    }
}
