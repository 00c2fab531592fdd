// Looks at the other guests of the session, over its own network.
import Glibc
import Kit
import Synchronization
import System
import Wire

/// What one look at a peer came to.
struct PeerLook: Sendable, Hashable {
    var milliseconds: Int64
    /// How long its agent has done nothing, in milliseconds.
    var progressAge: Int64?
    /// Why it did not answer; nil when it did.
    var problem: String?
}

/// Who answers and who does not, as a value. One look that fails is bad luck; two are a fact, and a fact is
/// told once.
struct PeerBook: Sendable {
    struct Entry: Sendable {
        var generation: Int
        var last: PeerLook
        var failures = 0
        var isUnreachable = false
    }

    private(set) var entries: [String: Entry] = [:]

    /// - Returns: Whether it can be reached, when that has changed.
    mutating func note(_ peer: String, generation: Int, _ look: PeerLook) -> Bool? {
        var entry = entries[peer] ?? Entry(generation: generation, last: look)
        // Another guest of the same agent: nothing is known of it.
        if entry.generation != generation { entry = Entry(generation: generation, last: look) }
        entry.last = look
        entry.failures = look.problem == nil ? 0 : entry.failures + 1
        defer { entries[peer] = entry }
        if look.problem == nil, entry.isUnreachable {
            entry.isUnreachable = false
            return true
        }
        if entry.failures == Limits.peerFailures {
            entry.isUnreachable = true
            return false
        }
        return nil
    }

    /// Forgets who is not there any more.
    mutating func keep(_ peers: Set<String>) { entries = entries.filter { peers.contains($0.key) } }
}

/// Looks at every peer, again and again, one after the other.
final class PeerWatch: Sendable {
    private let book = Mutex(PeerBook())

    func start(_ session: Session) {
        Worker.start("peers", stackBytes: 256 * 1024) { [self] in
            var changes: [JSON] = []
            while !session.isStopping {
                // Who has nothing to do wants to know nothing, and may sleep.
                if !session.currentTaskID.isEmpty { changes = round(changes, session) }
                // Ends early only at shutdown.
                // News is told soon.
                let pause = changes.isEmpty ? Limits.peerMilliseconds : Limits.firstRetryMilliseconds
                _ = session.state.wait(timeoutMilliseconds: pause) {
                    $0.isStopping ? true : nil
                }
            }
        }
    }

    /// One look at everybody.
    /// - Parameter changes: What the coordinator is to be told.
    /// - Returns: What it is to be told the next time.
    private func round(_ changes: [JSON], _ session: Session) -> [JSON] {
        guard let courier = session.courier,
            let answer = try? courier.post(
                "/coordinator/peers/watch", ["changes": .array(changes)], .milliseconds(10_000))
        else { return changes }
        // What it does not want it will not want later either.
        guard answer.isSuccess else { return [] }
        let peers = (answer.body["peers"]?.arrayValue ?? []).prefix(Limits.peers)
        book.withLock { $0.keep(Set(peers.compactMap { $0["agent"]?.stringValue })) }
        var news: [JSON] = []
        for peer in peers {
            guard let name = peer["agent"]?.stringValue, !session.isStopping else { continue }
            let seen = look(peer, session)
            let change = book.withLock {
                $0.note(name, generation: peer["generation"]?.intValue ?? 0, seen)
            }
            guard let change else { continue }
            news.append([
                "peer": .string(name), "reachable": JSON(change),
                "reason": .string(String((seen.problem ?? "").prefix(200))),
            ])
        }
        return news
    }

    private func look(_ peer: JSON, _ session: Session) -> PeerLook {
        let start = Clock.monotonicNanoseconds()
        guard let place = PeerPlace(peer) else {
            return PeerLook(milliseconds: 0, problem: "the coordinator does not say where it is")
        }
        var request = HTTPRequest("GET", "/health")
        place.sign(&request)
        var look = PeerLook(milliseconds: 0)
        do throws(HTTPError) {
            let response = try HTTPClient.send(
                request, to: .tcp(session.address(of: place.host), place.port),
                timeoutMilliseconds: Limits.peerAnswerMilliseconds,
                maxBodyBytes: 16 << 10)
            if response.isSuccess {
                look.progressAge = (try? response.json())?["progress_age_ms"]?.int64Value
            } else {
                look.problem = "it answered \(response.status)"
            }
        } catch {
            look.problem = error.description
        }
        look.milliseconds = (Clock.monotonicNanoseconds() - start) / 1_000_000
        return look
    }

    /// The `peers` tool: what the coordinator knows, and what was seen from here.
    func describe(_ peers: [JSON], own: String) -> String {
        let seen = book.withLock { $0.entries }
        let lines = peers.map { peer -> String in
            let name = peer["agent_id"]?.stringValue ?? "?"
            var line = "\(name) (\(peer["role"]?.stringValue ?? "")): \(peer["status"]?.stringValue ?? "")"
            if let task = peer["task"]?.stringValue { line += ", works on \(task)" }
            if name == own { return line + "; this is you" }
            guard let entry = seen[name] else { return line + "; not looked at yet" }
            if let problem = entry.last.problem { return line + "; does not answer: \(problem)" }
            line += "; answers in \(entry.last.milliseconds) ms"
            if let age = entry.last.progressAge { line += ", did something \(age / 1000) s ago" }
            return line
        }
        return lines.isEmpty ? "[nobody]" : lines.joined(separator: "\n")
    }
}

extension Session {
    /// The address of a host of the session: this program is static and asks no name server.
    func address(of host: String) -> String {
        state.withLock { state in state.hosts.first { $0.name == host }?.address } ?? host
    }
}
