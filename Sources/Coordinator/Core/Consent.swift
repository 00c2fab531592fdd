import Kit

// What a person's yes, or `--yes`, is given to, and when it is taken back.

extension Work {
    /// Asks for approval of the result, and gives it when `--yes` may.
    mutating func askForApproval() {
        add(.approvalRequested(tree: state.tree, commit: state.head))
        approveItself()
    }

    /// `--yes` approves what needs no person. The list of what does is in the journal; when it is not there
    /// or not of this commit, everything needs one.
    mutating func approveItself() {
        guard state.configuration?.autoApprove == true else { return }
        let reasons = state.reasonsToHold
        if reasons.isEmpty {
            add(.approvalGranted(tree: state.tree, by: "--yes"))
        } else {
            add(.approvalHeld(tree: state.tree, reasons: reasons))
        }
    }

    /// The result was approved; what is to be waited for before it is delivered.
    mutating func watchChecks() {
        guard let pull = state.pull, pull.commit == state.head else {
            return intend(.proposePull(commit: state.head, tree: state.tree))
        }
        intend(.watchChecks(commit: state.head, number: pull.number))
    }

    /// A red check of the pull request is work; the approval was of a result that is not wanted any more.
    /// None at all, what is not known, and one that stays red are for a person to judge.
    mutating func checked(_ commit: String, _ verdict: ChecksVerdict, _ summary: String) {
        add(.checksReported(commit: commit, isGreen: verdict == .green, summary: summary))
        guard state.phase == .delivering, state.head == commit, verdict != .green else { return }
        guard verdict == .red else { return askAgain(summary) }
        let number = state.order.count { $0.hasPrefix("ci-") } + 1
        guard number <= Tries.rounds else {
            let reason = "the checks of the pull request are still red after \(number - 1) repairs"
            add(.messageSent(from: "coordinator", to: "user", text: "\(reason): \(summary)"))
            return askAgain(reason)
        }
        void("a check of the pull request is red", isApproved: true)
        add(
            .planChanged(
                task: PlanTask(
                    id: "ci-\(number)", title: "Make the checks of the pull request green",
                    description: summary),
                by: "coordinator"))
    }

    /// What became known after the approval is for a person to weigh, whoever approved.
    mutating func askAgain(_ reason: String) {
        add(.approvalVoided(tree: state.tree, reason: reason))
        add(.approvalRequested(tree: state.tree, commit: state.head))
        if state.configuration?.autoApprove == true {
            add(.approvalHeld(tree: state.tree, reasons: [reason]))
        }
    }
}

extension SessionState {
    /// Why `--yes` does not approve the head; empty when it does.
    var reasonsToHold: [String] {
        guard let inspection, inspection.commit == head, inspection.tree == tree else {
            return ["unread: nobody has looked at what a diff of it cannot show"]
        }
        return inspection.reasons
    }
}
