// What the contents of files are, and what they were.
import Kit

extension ChangeInspector {
    /// A file of which the version before is looked at, too.
    private struct Question {
        let change: RawChange
        var facts: TextFacts?
        /// The new content, where rules compare texts.
        var new: ArraySlice<UInt8>?
    }

    /// What looking at the new side brings.
    private struct Findings {
        var items: [ChangeItem] = []
        var questions: [Question] = []
        var heads: [String: [UInt8]] = [:]
    }

    mutating func readContents() throws(DeliveryError) {
        let reader = BlobReader(git: repository.git)
        let gate = facts.testCommand.map { GateFiles(command: $0) }
        var byID: [String: [RawChange]] = [:]
        var old: Set<String> = []
        for change in changes where change.isFile || change.isLink {
            byID[change.newID, default: []].append(change)
            if change.wasFile, change.oldID != change.newID { old.insert(change.oldID) }
        }
        let sizes = try reader.sizes(of: old.sorted())
        var findings = Findings()
        try reader.read(byID.keys.sorted(), limitBytes: Limits.inspectedFileBytes) { id, bytes in
            let text = bytes.map { TextFacts($0) }
            if let bytes { findings.heads[id] = Array(bytes.prefix(Self.headBytes)) }
            for change in byID[id] ?? [] {
                Self.look(at: change, bytes, text, gate, oldSize: sizes[change.oldID], &findings)
            }
        }
        let added = Set(changes.filter(\.isAdded).map(\.newID))
        for change in changes where change.isDeleted && change.wasFile {
            let path = ShownText.path(change.path)
            // What is there under another name was moved.
            guard !added.contains(change.oldID) else { continue }
            if TestFiles.isTest(change.path) {
                findings.items.append(ChangeItem(.tests, path: path, "removed"))
            }
            if let gate, gate.decides(change) {
                let words = "removed; it says what \(ShownText.line(gate.command, limit: 60)) does"
                findings.items.append(ChangeItem(.gate, path: path, words))
            }
            if change.lowerName == ".gitattributes" { findings.questions.append(Question(change: change)) }
        }
        (items, heads) = (items + findings.items, findings.heads)
        try answer(findings.questions, gate, reader)
    }

    /// Tells a pointer of Git LFS from a content, and more.
    private static let headBytes = 128

    private static func look(
        at change: RawChange, _ bytes: ArraySlice<UInt8>?, _ text: TextFacts?, _ gate: GateFiles?,
        oldSize: Int?, _ findings: inout Findings
    ) {
        let path = ShownText.path(change.path)
        guard let bytes, let text else {
            let megabytes = Limits.inspectedFileBytes >> 20
            findings.items.append(
                ChangeItem(.unread, path: path, "longer than \(megabytes) MiB; its content was not looked at")
            )
            return
        }
        if change.isLink {
            findings.items.append(link(change, path, Array(bytes)))
            return
        }
        findings.items += content(change, path, bytes, text)
        let isCompared =
            change.lowerName == ".gitattributes" || TestFiles.isTest(change.path)
            || gate?.decides(change) == true
        let isShorter = (oldSize ?? 0) - bytes.count >= max(1, text.lineFeeds / 2)
        if isCompared || !text.hidden.isEmpty || text.bareReturns > 0 || text.crlf > 0
            || change.oldID != change.newID && change.wasFile && isShorter
        {
            findings.questions.append(Question(change: change, facts: text, new: isCompared ? bytes : nil))
        }
    }

    private static func link(_ change: RawChange, _ path: String, _ target: [UInt8]) -> ChangeItem {
        let words = "a link to \(ShownText.path(target))"
        guard let why = ChangeRules.leaves(target, from: change.path) else {
            return ChangeItem(.link, path: path, words)
        }
        return ChangeItem(.linkOutside, path: path, "\(words); \(why)")
    }

    /// What a new content is by itself.
    private static func content(
        _ change: RawChange, _ path: String, _ bytes: ArraySlice<UInt8>, _ text: TextFacts
    ) -> [ChangeItem] {
        var items: [ChangeItem] = []
        guard change.oldID != change.newID else { return [] }
        if let program = ChangeRules.program(bytes) {
            items.append(ChangeItem(.executableBinary, path: path, "\(program), \(bytes.count) bytes"))
        } else if text.isBinary, change.newMode == RawChange.executable {
            items.append(
                ChangeItem(.executableBinary, path: path, "binary and executable, \(bytes.count) bytes"))
        } else if text.nulls > 0, ChangeRules.isSource(change) {
            let words =
                text.isBinary
                ? "a NUL byte is in it: git takes it for binary, and no diff shows its \(bytes.count) bytes"
                : "a NUL byte is in it"
            items.append(ChangeItem(.hiddenText, path: path, words))
        } else if text.isBinary {
            items.append(ChangeItem(.binary, path: path, "binary, \(bytes.count) bytes"))
        } else if text.nulls > 0 {
            items.append(ChangeItem(.binary, path: path, "NUL bytes are in it, \(bytes.count) bytes"))
        }
        if bytes.count >= Limits.largeFileBytes {
            items.append(ChangeItem(.largeFile, path: path, "\(bytes.count) bytes"))
        }
        if !text.isUTF8 {
            items.append(
                ChangeItem(.encoding, path: path, "it is not UTF-8; what cannot be shown is replaced"))
        }
        if TestFiles.isReport(bytes) {
            items.append(ChangeItem(.testReport, path: path, "a report of tests that is part of the tree"))
        }
        return items
    }

    // MARK: Against the version before

    private mutating func answer(
        _ questions: [Question], _ gate: GateFiles?, _ reader: BlobReader
    ) throws(DeliveryError) {
        var byID: [String: [Int]] = [:]
        for (index, question) in questions.enumerated() {
            if question.change.wasFile {
                byID[question.change.oldID, default: []].append(index)
            } else {
                items += Self.compare(question, nil, gate)
            }
        }
        var found: [ChangeItem] = []
        try reader.read(byID.keys.sorted(), limitBytes: Limits.inspectedFileBytes) { id, bytes in
            for index in byID[id] ?? [] { found += Self.compare(questions[index], bytes, gate) }
        }
        items += found
    }

    private static func compare(
        _ question: Question, _ old: ArraySlice<UInt8>?, _ gate: GateFiles?
    ) -> [ChangeItem] {
        let (change, path) = (question.change, ShownText.path(question.change.path))
        var items: [ChangeItem] = []
        if change.lowerName == ".gitattributes" { items += AttributeRules.items(path, old, question.new) }
        guard let text = question.facts else { return items }
        let before = old.map { TextFacts($0) }
        if change.oldID != change.newID {
            items += lineEnds(path, before, text)
            if let words = text.hiddenWords(since: before) {
                items.append(
                    ChangeItem(.hiddenText, path: path, "\(words), first on line \(text.hiddenLine)"))
            }
        }
        guard let new = question.new, change.oldID != change.newID else { return items }
        if let gate, gate.decides(change), GateFiles.differs(change.lowerName, old, new) {
            let verb = change.isAdded ? "new" : "changed"
            let words = "\(verb); it says what \(ShownText.line(gate.command, limit: 60)) does"
            items.append(ChangeItem(.gate, path: path, words))
        }
        if let old, TestFiles.isTest(change.path), let loss = TestFiles.loss(old, new) {
            items.append(ChangeItem(.tests, path: path, loss))
        }
        return items
    }

    private static func lineEnds(_ path: String, _ old: TextFacts?, _ new: TextFacts) -> [ChangeItem] {
        guard !new.isBinary else { return [] }
        var items: [ChangeItem] = []
        if new.bareReturns > old?.bareReturns ?? 0 {
            let words =
                "\(new.bareReturns) carriage returns without a line feed, which hide what is before them"
            items.append(ChangeItem(.hiddenText, path: path, words))
        }
        let isMixed = new.crlf > 0 && new.crlf < new.lineFeeds
        if !isMixed, let old, (old.crlf == 0) != (new.crlf == 0), old.lineFeeds > 0, new.lineFeeds > 0 {
            let words =
                new.crlf > 0 ? "\(new.crlf) lines end with CR LF now" : "lines end with LF now, not CR LF"
            items.append(ChangeItem(.lineEnds, path: path, words))
        } else if isMixed, !(old.map { $0.crlf > 0 && $0.crlf < $0.lineFeeds } ?? false) {
            let words = "\(new.crlf) of \(new.lineFeeds) lines end with CR LF, the others with LF"
            items.append(ChangeItem(.lineEnds, path: path, words))
        } else if old == nil, new.crlf > 0 {
            items.append(ChangeItem(.lineEnds, path: path, "its lines end with CR LF"))
        }
        return items
    }

    // MARK: Counts

    /// Fewer tests than somebody has seen before are told, whatever the exit code says.
    mutating func inspectCounts() {
        guard let earlier = facts.earlierTests, facts.testCommand != nil else { return }
        guard let now = facts.tests else {
            return items.append(
                ChangeItem(
                    .testCount, "no test was counted; \(earlier.passed) passed before, as was counted then"))
        }
        if now.passed < earlier.passed {
            items.append(
                ChangeItem(
                    .testCount, "\(now.passed) tests pass; \(earlier.passed) did before, in this session"))
        }
        if now.skipped > earlier.skipped {
            items.append(
                ChangeItem(.testCount, "\(now.skipped) tests are skipped; \(earlier.skipped) were before"))
        }
    }
}
