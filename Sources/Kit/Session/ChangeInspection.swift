// What a person is told before a diff: the list that the host makes of base and candidate. The journal, the
// terminal, the canvas, the report and the pull request show this one value.

/// One thing that a diff does not show, or that deserves a yes of its own.
public struct ChangeItem: Sendable, Hashable, Codable {
    /// What it is about. The order is that of the list: what needs a person comes first.
    public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
        /// Something that runs on other machines or without being asked: CI, editors, hooks, tool servers.
        case protectedPath = "protected-path"
        /// Attributes that make git write other bytes than it stores, or run a program.
        case attributes
        /// A commit of another repository that is checked out inside this one.
        case submodule
        /// A symbolic link that leaves the tree.
        case linkOutside = "link-outside"
        /// A program in a form that nobody reads.
        case executableBinary = "executable-binary"
        /// Characters that hide or reorder text, that steer a terminal, or that make a text look binary.
        case hiddenText = "hidden-text"
        /// A name that is not what it looks like, or that some systems take for another one.
        case name
        /// Files that say what the tests are.
        case gate
        /// Tests that are gone, emptied or skipped.
        case tests
        /// Fewer tests than before were counted.
        case testCount = "test-count"
        /// A report of tests that is part of the tree.
        case testReport = "test-report"
        /// Commits that say or hold what the net change does not.
        case history
        /// What was not looked at.
        case unread
        // What a person is only told.
        case mode, link, binary, encoding
        case lineEnds = "line-ends"
        /// Attributes that the base has already make git write this file in another form.
        case conversion
        case largeFile = "large-file"
        case buildProduct = "build-product"
        /// Content where Git LFS keeps a pointer.
        case lfs

        /// `--yes` never passes it.
        public var needsPerson: Bool {
            switch self {
            case .protectedPath, .attributes, .submodule, .linkOutside, .executableBinary, .hiddenText,
                .name, .gate, .tests, .testCount, .testReport, .history, .unread:
                true
            case .mode, .link, .binary, .encoding, .lineEnds, .conversion, .largeFile, .buildProduct, .lfs:
                false
            }
        }
    }

    public var kind: Kind
    /// Of a file, made safe to show by `ShownText.path`; empty when it is about the whole change.
    public var path: String
    /// What there is to know, safe to show.
    public var detail: String
    /// As its kind says, for those who only read the list.
    public var needsPerson: Bool
    /// The rule of the person that lets `--yes` pass it; nil when there is none.
    public var allowedBy: String?

    enum CodingKeys: String, CodingKey {
        case kind, path, detail
        case needsPerson = "needs_person"
        case allowedBy = "allowed_by"
    }

    public init(_ kind: Kind, path: String = "", _ detail: String) {
        (self.kind, self.path, self.detail) = (kind, path, detail)
        needsPerson = kind.needsPerson
    }

    /// It stops `--yes`.
    public var isBlocking: Bool { kind.needsPerson && allowedBy == nil }

    public var sentence: String { path.isEmpty ? detail : "\(path): \(detail)" }
}

/// The list of one change.
public struct ChangeInspection: Sendable, Hashable, Codable {
    public var base: String
    public var commit: String
    public var tree: String
    /// What needs a person first; at most `itemLimit`, and some of each kind.
    public var items: [ChangeItem]
    /// How many more there are, by kind; nil when none.
    public var omitted: [String: Int]?
    /// How many of those that were left out stop `--yes`; nil when none.
    public var omittedBlocking: Int?
    /// Of all of them, in SHA-256.
    public var digest: String

    enum CodingKeys: String, CodingKey {
        case base, commit, tree, items, omitted, digest
        case omittedBlocking = "omitted_blocking"
    }

    /// Items that are kept: the list is an event, and is read by people.
    public static let itemLimit = 200
    /// Of one kind, before it is only counted.
    public static let kindLimit = 25

    /// Sorts, allows and bounds.
    /// - Parameter rules: What the person lets `--yes` pass.
    public init(base: String, commit: String, tree: String, _ all: [ChangeItem], rules: [AllowRule]) {
        let order = ChangeItem.Kind.allCases.enumerated()
        let places = Dictionary(order.map { ($1, $0) }) { first, _ in first }
        let sorted = all.map { item in
            var item = item
            item.allowedBy = rules.first { $0.allows(item) }?.text
            return item
        }.sorted { (places[$0.kind] ?? 0, $0.path, $0.detail) < (places[$1.kind] ?? 0, $1.path, $1.detail) }
        (self.base, self.commit, self.tree) = (base, commit, tree)
        var (kept, counts, left): ([ChangeItem], [ChangeItem.Kind: Int], [String: Int]) = ([], [:], [:])
        var blocking = 0
        for item in sorted {
            counts[item.kind, default: 0] += 1
            if counts[item.kind, default: 0] <= Self.kindLimit, kept.count < Self.itemLimit {
                kept.append(item)
            } else {
                left[item.kind.rawValue, default: 0] += 1
                if item.isBlocking { blocking += 1 }
            }
        }
        (items, omitted) = (kept, left.isEmpty ? nil : left)
        omittedBlocking = blocking == 0 ? nil : blocking
        let whole = sorted.map { "\($0.kind.rawValue)\0\($0.path)\0\($0.detail)\0" }.joined()
        digest = Digest.sha256Hex(Array(whole.utf8))
    }

    /// A list that could not be made stops `--yes`, too.
    public static func failed(base: String, commit: String, tree: String, _ reason: String) -> Self {
        ChangeInspection(
            base: base, commit: commit, tree: tree,
            [ChangeItem(.unread, "this list could not be made: \(ShownText.line(reason))")], rules: [])
    }

    /// What stops `--yes`, the first ones in words.
    public var reasons: [String] {
        let blocking = items.filter(\.isBlocking)
        var reasons = blocking.prefix(Self.reasonLimit).map { "\($0.kind.rawValue): \($0.sentence)" }
        let more = blocking.count - reasons.count + (omittedBlocking ?? 0)
        if more > 0 { reasons.append("\(more) more") }
        return reasons
    }

    private static let reasonLimit = 10

    /// One line an item, and one for what was left out.
    public var lines: [String] {
        items.map { "\($0.kind.rawValue): \($0.sentence)" }
            + (omitted ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key): \($0.value) more" }
    }
}

/// What a person lets `--yes` pass: a kind of items, or those of one kind with certain paths.
public struct AllowRule: Sendable, Hashable {
    public let text: String
    private let kind: ChangeItem.Kind
    private let glob: String?

    /// `gate`, or `protected-path:.github/workflows/**`; nil when the kind is none that stops `--yes`.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let kind = ChangeItem.Kind(rawValue: String(parts[0])), kind.needsPerson, parts.last != ""
        else {
            return nil
        }
        (self.text, self.kind) = (text, kind)
        glob = parts.count == 2 ? String(parts[1]) : nil
    }

    /// What may be said, for help and complaints.
    public static let kinds = ChangeItem.Kind.allCases.filter(\.needsPerson).map(\.rawValue)

    func allows(_ item: ChangeItem) -> Bool {
        guard item.kind == kind else { return false }
        guard let glob else { return true }
        return !item.path.isEmpty && PathGlob.matches(glob, item.path)
    }
}
