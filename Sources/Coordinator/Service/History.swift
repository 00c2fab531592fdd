// Sessions that are over: finding words in them, and making room.
import Core
import Journal
import Kit
import Platform
import Synchronization
import System

extension Coordinator {
    // MARK: Search

    private static let hitLimit = 200
    /// Events that one search looks at.
    private static let eventLimit = 1_000_000
    private static let excerptCharacters = 60

    /// Events in which all words occur, newest sessions first.
    /// - Parameter query: `q`, and `limit`; `transcripts` looks there instead.
    func search(_ query: [String: String]) throws(ServiceError) -> JSON {
        let words = (query["q"] ?? "").lowercased().split(separator: " ").map(String.init)
        guard !words.isEmpty else {
            throw ServiceError("a search needs words", code: "bad_request", status: 400)
        }
        let limit = min(query["limit"].flatMap { Int($0) } ?? 50, Self.hitLimit)
        let all = sessions.withLock { Array($0.values) }.map(\.state).sorted { $0.startedAt > $1.startedAt }
        if query["transcripts"] == "true" {
            var search = TranscriptSearch(words: words, limit: limit)
            for state in all {
                guard let id = state.configuration?.session, !search.isFull else { continue }
                search.look(id, in: "\(home.session(id))/bodies/conversations", startedAt: state.startedAt)
            }
            return ["hits": .array(search.hits), "truncated": JSON(search.isFull)]
        }
        var hits: [JSON] = []
        var looked = 0
        for state in all {
            guard let configuration = state.configuration else { continue }
            var after: Int64 = 0
            while hits.count < limit, looked < Self.eventLimit {
                let events: [Event]
                do throws(JournalError) {
                    events = try world.journal.events(configuration.session, after: after, limit: 1000)
                } catch {
                    throw ServiceError("search \(configuration.session): \(error)")
                }
                guard let last = events.last else { break }
                looked += events.count
                after = last.seq
                for event in events where hits.count < limit {
                    if let hit = Self.hit(event, words) { hits.append(hit) }
                }
            }
        }
        return ["hits": .array(hits), "truncated": JSON(hits.count >= limit || looked >= Self.eventLimit)]
    }

    /// The event with an excerpt, when it holds every word.
    static func hit(_ event: Event, _ words: [String]) -> JSON? {
        // What the coordinator notes for itself is found by nobody who looks for work.
        let (type, data) = event.body.json
        guard !type.hasPrefix("effect.") else { return nil }
        let texts = texts(in: data)
        let whole = texts.joined(separator: "\n").lowercased()
        guard words.allSatisfy({ whole.contains($0) }) else { return nil }
        let text = texts.first { $0.lowercased().contains(words[0]) } ?? ""
        return [
            "session": .string(event.session), "seq": JSON(event.seq), "at": JSON(event.at),
            "type": .string(type),
            "agent": data["agent"] ?? .null, "excerpt": .string(excerpt(text, around: words[0])),
        ]
    }

    static func texts(in json: JSON) -> [String] {
        switch json {
        case .string(let text): [text]
        case .array(let items): items.flatMap(texts)
        case .object(let members): members.sorted { $0.key < $1.key }.flatMap { texts(in: $0.value) }
        default: []
        }
    }

    static func excerpt(_ text: String, around word: String) -> String {
        let flat = String(text.map { $0.isNewline ? " " : $0 })
        guard let range = flat.lowercased().firstRange(of: word) else {
            return String(flat.prefix(excerptCharacters))
        }
        let place = flat.lowercased().distance(from: flat.lowercased().startIndex, to: range.lowerBound)
        let start = max(0, place - excerptCharacters)
        let end = place + word.count + excerptCharacters
        let cut = flat.dropFirst(start).prefix(end - start)
        return (start > 0 ? "…" : "") + cut + (flat.count > end ? "…" : "")
    }

    // MARK: Making room

    private static let dayMilliseconds: Int64 = 86_400_000
    /// For ever.
    private static let mostDays = 1_000_000

    /// Removes what sessions left that are over for long: workspaces and transcripts. The result, the report
    /// and the journal stay, so that diff, history, search and replay go on.
    /// - Parameter body: `keep_days`, `keep_sessions`, `dry_run`; with `whole` the rest of them goes too.
    func collectGarbage(_ body: JSON) throws(ServiceError) -> JSON {
        guard let days = body["keep_days"]?.clamped(to: -1...Self.mostDays),
            let count = body["keep_sessions"]?.intValue,
            days >= 0,
            count >= 0
        else {
            throw ServiceError(
                "`keep_days` and `keep_sessions` are required", code: "bad_request", status: 400)
        }
        let isDry = body["dry_run"]?.boolValue ?? false
        let isWhole = body["whole"]?.boolValue ?? false
        let now = Clock.wallMilliseconds()
        let over = sessions.withLock { Array($0.values) }.map(\.state).filter {
            $0.phase.isOver && $0.openEffects.isEmpty
        }.sorted { ($0.endedAt ?? 0) > ($1.endedAt ?? 0) }
        var removed: [JSON] = []
        var bytes: Int64 = 0
        for state in over.dropFirst(count) {
            guard let configuration = state.configuration, let end = state.endedAt,
                now - end >= Int64(days) * Self.dayMilliseconds
            else { continue }
            let id = configuration.session
            let names = ["workspace", "bodies/conversations"]
            let parts = isWhole ? [home.session(id)] : names.map { "\(home.session(id))/\($0)" }
            let size = try Self.diskUse(parts)
            guard size > 0 || isWhole else { continue }
            if !isDry {
                // The platform may have forgotten the volume when the session ended.
                try? world.platform.deleteVolume(id, purging: false)
                if isWhole { try forget(id) }
                for part in parts { try Self.remove(part) }
            }
            bytes += size
            removed.append([
                "id": .string(id), "bytes": JSON(size), "ended_at": JSON(end),
                "task": .string(configuration.task),
            ])
        }
        for id in isWhole ? orphans(now) : [] {
            let size = try Self.diskUse([home.session(id)])
            if !isDry { try Self.remove(home.session(id)) }
            bytes += size
            removed.append([
                "id": .string(id), "bytes": JSON(size), "ended_at": .null, "task": "left by a crash",
            ])
        }
        return ["removed": .array(removed), "bytes": JSON(bytes), "dry_run": JSON(isDry)]
    }

    /// Directories that no session has, and that are not of one that is being made now.
    private func orphans(_ now: Int64) -> [String] {
        let known = sessions.withLock { Set($0.keys) }.union((try? world.journal.sessions()) ?? [])
        let directory = Files.parent(of: home.session("x"))
        return ((try? Files.list(directory)) ?? []).sorted().filter { name in
            guard SessionName.isValid(name), !known.contains(name),
                let changed = try? Files.status("\(directory)/\(name)").modifiedNanoseconds
            else { return false }
            return now - changed / 1_000_000 > Self.dayMilliseconds
        }
    }

    /// Before its files go: what a crash leaves then is a directory that no journal knows, and the next call
    /// removes that.
    private func forget(_ id: String) throws(ServiceError) {
        _ = sessions.withLock { $0.removeValue(forKey: id) }
        do throws(JournalError) {
            try world.journal.forget(id)
        } catch {
            throw ServiceError("remove the journal of \(id): \(error)")
        }
    }

    /// What directories take on the disk.
    static func diskUse(_ paths: [String]) throws(ServiceError) -> Int64 {
        let there = paths.filter(Files.exists)
        guard !there.isEmpty else { return 0 }
        do throws(SystemError) {
            // What it cannot look into it complains about, and counts the rest.
            let outcome = try Spawn.run(Spawn.Command(["du", "-sk", "--"] + there))
            let sizes = outcome.stdoutText.split(separator: "\n").compactMap {
                $0.split(separator: "\t").first
            }
            return sizes.compactMap { Int64($0) }.reduce(0, +) * 1024
        } catch {
            throw ServiceError("measure \(there.joined(separator: ", ")): \(error)")
        }
    }

    /// Tools have users of their own; where this user may not remove their files, its own namespace may.
    private static func remove(_ path: String) throws(ServiceError) {
        do throws(SystemError) {
            try Files.removeTree(path)
        } catch {
            let command = ["unshare", "--user", "--map-root-user", "--map-auto", "rm", "-rf", "--", path]
            let outcome = try? Spawn.run(Spawn.Command(command))
            guard outcome?.status.isSuccess == true, !Files.exists(path) else {
                throw ServiceError(
                    "remove \(path): \(error)", hint: "remove it as root, or as the user who ran the session")
            }
        }
    }
}
