// Every request for the world outside, in the journal: the first of a kind at once, a flood of them as a
// number.
import Core
import Egress
import Kit
import Synchronization
import System

/// Counts requests between two entries, so that a loop that asks for one host ten thousand times makes a few
/// events that say ten thousand, and nothing is left out.
final class EgressJournal: Sendable {
    private struct Entry {
        var waiting = 0
        var written: Int64
    }

    private let entries = Mutex<[EgressRecord: Entry]>([:])
    /// The same request is written at most this often.
    private static let interval: Int64 = 5_000_000_000
    /// Kinds that are remembered; beyond it each request is an event of its own.
    private static let limit = 4096

    /// - Returns: What to write now.
    func add(_ record: EgressRecord, now: Int64) -> [EventBody] {
        entries.withLock { entries in
            guard var entry = entries[record] else {
                if entries.count < Self.limit { entries[record] = Entry(written: now) }
                return [Self.event(record, 1)]
            }
            entry.waiting += 1
            defer { entries[record] = entry }
            guard now - entry.written >= Self.interval else { return [] }
            defer { (entry.waiting, entry.written) = (0, now) }
            return [Self.event(record, entry.waiting)]
        }
    }

    /// What has waited long enough. A kind that nobody asked for lately is forgotten.
    func flush(now: Int64, all: Bool = false) -> [EventBody] {
        entries.withLock { entries in
            var events: [EventBody] = []
            for (record, entry) in entries where all || now - entry.written >= Self.interval {
                if entry.waiting > 0 {
                    events.append(Self.event(record, entry.waiting))
                    entries[record] = Entry(written: now)
                } else {
                    entries.removeValue(forKey: record)
                }
            }
            return events
        }
    }

    private static func event(_ record: EgressRecord, _ count: Int) -> EventBody {
        guard let refusal = record.refusal else {
            return .egressAllowed(
                agent: record.agent, host: record.host, port: Int(record.port), count: count)
        }
        return .egressDenied(
            agent: record.agent, host: record.host, port: Int(record.port), count: count, reason: refusal)
    }
}

extension SessionRunner {
    /// Whose token it is, and what its role may reach now.
    func egressCaller(_ token: String) -> EgressCaller? {
        guard let agent = agent(of: token), let known = state.agents[agent]
        else { return nil }
        // From the files, as the agent's policy was: a repository's own role is in no other list, and what
        // the user has set since holds at once. A role that cannot be read any more reaches nothing.
        let role = (try? roles.role(known.role)) ?? nil
        return EgressCaller(agent: agent, role: known.role, hosts: role?.egress ?? [])
    }

    func note(_ record: EgressRecord) { write(egress.add(record, now: Clock.monotonicNanoseconds())) }

    func write(_ events: [EventBody]) {
        guard !events.isEmpty else { return }
        do throws(ServiceError) {
            try submit(.record(events))
        } catch {
            world.log("\(id): egress: \(error)")
        }
    }
}
