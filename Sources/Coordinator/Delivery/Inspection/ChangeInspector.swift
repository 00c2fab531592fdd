// The list of what a diff cannot show: made by the host from the base and the candidate, in bytes.
public import Kit
import System

/// What the list needs to know besides the repository.
public struct InspectionFacts: Sendable {
    /// How the repository is tested; nil when it is not.
    public var testCommand: String?
    /// What the tests of this tree came to, and the most that an earlier gate of the session or the base
    /// counted; nil where nothing was counted.
    public var tests: GateTests?
    public var earlierTests: GateTests?
    /// Commits that the coordinator made.
    public var ownCommits: Set<String>
    /// What the person lets `--yes` pass.
    public var rules: [AllowRule]

    public init(
        testCommand: String? = nil, tests: GateTests? = nil, earlierTests: GateTests? = nil,
        ownCommits: Set<String> = [], rules: [AllowRule] = []
    ) {
        (self.testCommand, self.tests, self.earlierTests) = (testCommand, tests, earlierTests)
        (self.ownCommits, self.rules) = (ownCommits, rules)
    }
}

extension SessionRepository {
    /// Looks at everything that differs between the base and a commit, and at the commits between them.
    public func inspect(_ revision: String, _ facts: InspectionFacts) throws(DeliveryError)
        -> ChangeInspection
    {
        let head = try commit(of: revision)
        var inspector = ChangeInspector(repository: self, head: head, facts: facts)
        try inspector.run()
        return ChangeInspection(
            base: base, commit: head, tree: try tree(of: head), inspector.items, rules: facts.rules)
    }

    /// The entries that differ between two commits. Renames are told as both their names.
    func rawChanges(_ base: String, _ head: String) throws(DeliveryError) -> [RawChange] {
        let arguments = ["diff-tree", "-r", "--raw", "-z", "--no-renames", "--full-index", "--no-abbrev"]
        let outcome = try git.run(arguments + [base, head], limit: Limits.rawBytes)
        guard let changes = RawChange.parse(outcome.stdout) else {
            throw DeliveryError(
                .git, "read what differs between \(base) and \(head)", "git's answer is no diff")
        }
        return changes
    }
}

/// Gathers the items of one change.
struct ChangeInspector {
    let repository: SessionRepository
    let head: String
    let facts: InspectionFacts
    var changes: [RawChange] = []
    var items: [ChangeItem] = []
    /// The first bytes of new contents, by id: later rules tell by them what a file is.
    var heads: [String: [UInt8]] = [:]

    init(repository: SessionRepository, head: String, facts: InspectionFacts) {
        (self.repository, self.head, self.facts) = (repository, head, facts)
    }

    mutating func run() throws(DeliveryError) {
        changes = try repository.rawChanges(repository.base, head)
        for change in changes { items += ChangeRules.items(change) }
        addProducts()
        try readContents()
        try inspectCollisions()
        try inspectSubmoduleNames()
        try inspectAttributes()
        inspectCounts()
        try inspectHistory()
    }

    /// One item a directory: what a build leaves is many files and one mistake.
    private mutating func addProducts() {
        var counts: [String: Int] = [:]
        for change in changes where !change.isDeleted {
            if let product = ChangeRules.product(change.path) { counts[product, default: 0] += 1 }
        }
        for (product, count) in counts {
            let words =
                count == 1
                ? "it looks like a product of a build"
                : "\(count) files; they look like products of a build"
            items.append(ChangeItem(.buildProduct, path: ShownText.path(Array(product.utf8)), words))
        }
    }
}
