// What a model is told about the money that is left, so that it ends well instead of being cut off.

/// Warnings at half, three quarters and nine tenths of a limit.
enum BudgetNote {
    static let thresholds = [50, 75, 90]

    /// The highest threshold that was reached and not told yet.
    static func threshold(percent: Int, told: Int) -> Int? {
        thresholds.last { $0 <= percent && $0 > told }
    }

    static func text(_ threshold: Int, _ scope: Ledger.Scope, _ account: Ledger.Snapshot) -> String {
        let budget = account.budget.map(Money.text) ?? "no limit"
        let advice =
            switch threshold {
            case ..<75: "Keep to what the task needs."
            case ..<90: "Finish what matters most first, and leave out what is only nice to have."
            default: "Bring the work to a safe end now: commit what is good, and complete the task."
            }
        return
            "<budget-note from=\"coordinator\">\(threshold) % of the budget of \(budget) for \(scope) "
            + "is used. \(advice)</budget-note>"
    }
}
