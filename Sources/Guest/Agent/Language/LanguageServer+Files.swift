import Kit
import System

// What the server knows of the files. A server believes what it was told or has read: before each question it
// hears what became of them since.

extension LanguageServer {
    /// What the server finds wrong with a file.
    enum Verdict {
        case found([JSON])
        /// It said nothing at all in the time that it had: nobody knows.
        case silent
    }

    /// Files that are told anew when another one changes, because what they include is another one then.
    private static let touchLimit = 64
    /// Changes of files that are told at a time.
    private static let changeLimit = 2000

    /// The text of a file as the server has it; nil for one that it was not shown.
    func shown(_ path: String) -> (text: String, version: Int)? {
        state.withLock { $0.open[path].map { ($0.text, $0.version) } }
    }

    /// Tells the server of every file that is another one, or not there, since it was told last.
    func synchronize() {
        let seen = state.withLock { state in
            (state.watched.scan(state.folders), state.open.mapValues(\.text))
        }
        var changed: Set<String> = []
        for (path, text) in seen.1.sorted(by: { $0.key < $1.key }) {
            guard let now = try? FileTools.content(path) else {
                close(path)
                changed.insert(path)
                continue
            }
            if now != text {
                change(path, now)
                changed.insert(path)
            }
        }
        guard !changed.isEmpty || !seen.0.isEmpty else { return }
        let all = changed.union(seen.0.map(\.path))
        state.withLock { state in
            state.changes += 1
            // A change of one file alone: the server was told of it, and no other file stands behind it.
            if all.count == 1, let path = all.first { state.open[path]?.changesBefore = state.changes }
        }
        tell(seen.0.prefix(Self.changeLimit).map { ($0.path, $0.kind) })
        for path in changed { notify("textDocument/didSave", ["textDocument": Self.identifier(path)]) }
        for path in seen.1.keys.sorted().filter({ !changed.contains($0) }).prefix(Self.touchLimit) {
            touch(path)
        }
    }

    /// Shows the file as it is now, if that is news.
    /// - Returns: Its text.
    @discardableResult
    func show(_ path: String) throws(ToolProgram.Problem) -> String {
        let text = try FileTools.content(path)
        guard let known = shown(path) else {
            open(path, text, version: 1)
            return text
        }
        if known.text != text {
            state.withLock { $0.changes += 1 }
            change(path, text)
        }
        return text
    }

    private static func identifier(_ path: String) -> JSON { ["uri": .string(FileURI.make(path))] }

    private func open(_ path: String, _ text: String, version: Int) {
        keep(path, text, version)
        notify(
            "textDocument/didOpen",
            [
                "textDocument": [
                    "uri": .string(FileURI.make(path)), "version": JSON(version), "text": .string(text),
                    "languageId": .string(language.identifier(of: path)),
                ]
            ])
    }

    private func change(_ path: String, _ text: String) {
        let version = (shown(path)?.version ?? 0) + 1
        keep(path, text, version)
        sendChange(path, text, version)
    }

    /// The same text again: what the file includes may be another one. It counts as told at the time of its
    /// own last change, because servers need not say anything new about it.
    private func touch(_ path: String) {
        let told = state.withLock { state -> OpenFile? in
            state.open[path]?.version += 1
            return state.open[path]
        }
        if let told { sendChange(path, told.text, told.version) }
    }

    private func sendChange(_ path: String, _ text: String, _ version: Int) {
        var file = Self.identifier(path)
        file["version"] = JSON(version)
        notify(
            "textDocument/didChange", ["textDocument": file, "contentChanges": [["text": .string(text)]]])
    }

    private func keep(_ path: String, _ text: String, _ version: Int) {
        state.withLock { state in
            state.open[path] = OpenFile(
                text: text, version: version, publishedBefore: state.published[path]?.times ?? 0,
                changesBefore: state.changes)
        }
    }

    private func close(_ path: String) {
        state.withLock { $0.open[path] = nil }
        notify("textDocument/didClose", ["textDocument": Self.identifier(path)])
    }

    private func tell(_ changes: [(path: String, kind: WatchedFiles.Kind)]) {
        guard !changes.isEmpty else { return }
        let events = changes.map { change -> JSON in
            ["uri": .string(FileURI.make(change.path)), "type": JSON(Int64(change.kind.rawValue))]
        }
        notify("workspace/didChangeWatchedFiles", ["changes": .array(events)])
    }

    // MARK: Diagnostics

    /// What the server finds wrong with the file as it and all others are now.
    func diagnostics(_ path: String, milliseconds: Int = 20_000, quietMilliseconds: Int = 700)
        throws(ToolProgram.Problem) -> Verdict
    {
        synchronize()
        try show(path)
        if isAsked { return try pull(path, milliseconds) }
        try renew(path)
        switch hear(path, milliseconds) {
        case .pullOffered: return try pull(path, milliseconds)
        case .ended: throw ToolProgram.Problem("\(program.name) ended.")
        case .nothing: return .silent
        case .published: break
        }
        // Servers publish when they are ready, some of them twice: until nothing has come for a moment.
        while true {
            let times = state.withLock { $0.published[path]?.times ?? 0 }
            let more = state.wait(timeoutMilliseconds: quietMilliseconds) { state -> Bool? in
                state.published[path]?.times ?? 0 > times ? true : nil
            }
            if more == nil { break }
        }
        if isOver { throw ToolProgram.Problem("\(program.name) ended.") }
        return .found(state.withLock { $0.published[path]?.items ?? [] })
    }

    /// Whether the server waits to be asked what it finds.
    private var isAsked: Bool { offers("diagnosticProvider", Self.pullMethod) }

    private static let pullMethod = "textDocument/diagnostic"
    /// A server that is asked says what it finds now. It may not have read the project yet: then it asks for
    /// its answers to be taken anew, or says that it is at work, and is asked again when that is done.
    private func pull(_ path: String, _ milliseconds: Int) throws(ToolProgram.Problem) -> Verdict {
        let deadline = Clock.monotonicNanoseconds() + Int64(milliseconds) * 1_000_000
        var before: [JSON]?
        for _ in 0..<Self.pullRounds {
            let changes = state.withLock { $0.changes }
            let answer = try call(Self.pullMethod, ["textDocument": Self.identifier(path)])
            // Nothing "unchanged" comes: no earlier result is named.
            guard let items = answer["items"]?.arrayValue else { return .silent }
            let left = Int(max(0, (deadline - Clock.monotonicNanoseconds()) / 1_000_000))
            if stands(left, changes, isRepeated: items == before) { return .found(items) }
            before = items
            if left == 0 { break }
        }
        return before.map { $0.isEmpty ? .silent : .found($0) } ?? .silent
    }

    /// Whether an answer is of the whole project and was not taken back.
    /// - Parameters:
    ///   - changes: How many there were at the question.
    ///   - isRepeated: It is the same as the one before.
    private func stands(_ milliseconds: Int, _ changes: Int, isRepeated: Bool) -> Bool {
        let isSame = state.wait(timeoutMilliseconds: milliseconds) { state -> Bool? in
            state.atWork.isEmpty || state.endReason != nil ? state.changes == changes : nil
        }
        guard isSame ?? false else { return false }
        let (hasSettled, worksBegun) = state.withLock { ($0.hasSettled, $0.worksBegun) }
        if hasSettled { return true }
        // It has just started: it may say only now that it is at work. Some say so of each answer too
        // (basedpyright 1.40.2), so after work it is asked once more.
        let news = state.wait(timeoutMilliseconds: min(milliseconds, Self.settledMilliseconds)) { state in
            if state.changes != changes { return true }
            return state.worksBegun != worksBegun && !isRepeated ? true : nil
        }
        guard news == nil else { return false }
        state.withLock { $0.hasSettled = true }
        return true
    }

    /// Times that a server may take back what it just said.
    private static let pullRounds = 8
    private static let settledMilliseconds = 1000

    /// A server that speaks of its own accord speaks of a file that is opened. One that was opened before
    /// another file changed is opened again: nothing else makes every server look anew.
    private func renew(_ path: String) throws(ToolProgram.Problem) {
        let stale = state.withLock { state -> OpenFile? in
            state.open[path].flatMap { $0.changesBefore < state.changes ? $0 : nil }
        }
        guard let stale else { return }
        close(path)
        // Closing takes back what was published. That must have come before what is waited for.
        try settle()
        open(path, stale.text, version: stale.version + 1)
    }

    private enum News { case published, pullOffered, ended, nothing }

    /// Waits for what the server says of the file's text. Servers that wait to be asked say so
    /// some time after their start (seen with basedpyright 1.40.2 and ty 0.0.108), and publish nothing then.
    private func hear(_ path: String, _ milliseconds: Int) -> News {
        let news = state.wait(timeoutMilliseconds: milliseconds) { state -> News? in
            if state.endReason != nil { return .ended }
            if state.registered.values.contains(Self.pullMethod) { return .pullOffered }
            guard let file = state.open[path], let news = state.published[path] else { return nil }
            guard news.times > file.publishedBefore else { return nil }
            return news.version.map { $0 >= file.version } ?? true ? .published : nil
        }
        return news ?? .nothing
    }
}
