// What sandboxes refused, on its way to the journal: not more often than every second, and every one counted.
import Kit
import System

/// Adds up the denials of tool calls until they are told. Pure.
struct PendingDenials: Sendable {
    private var entries: [String: JSON] = [:]
    private var order: [String] = []
    private var others = 0
    private(set) var task: String?
    private var isWaiting = false

    /// Kinds that are told apart; what is refused beyond them is a number.
    static let limit = 64
    /// Between two messages to the coordinator.
    static let intervalMilliseconds = 1000

    /// Counts come from a file that a sandbox wrote; none of them may end the harness.
    private static func sum(_ a: Int, _ b: Int) -> Int {
        let (sum, isOver) = a.addingReportingOverflow(b)
        return isOver ? .max : sum
    }

    /// - Returns: True when nobody is about to tell them yet.
    mutating func add(_ denials: [JSON], task: String?) -> Bool {
        for denial in denials {
            let key = "\(denial["layer"]?.stringValue ?? "") \(denial["object"]?.stringValue ?? denial.text)"
            let count = denial["count"]?.intValue ?? 1
            if let known = entries[key]?["count"]?.intValue {
                entries[key]?["count"] = JSON(Self.sum(known, count))
            } else if order.count < Self.limit {
                order.append(key)
                entries[key] = denial
                entries[key]?["count"] = JSON(count)
            } else {
                others = Self.sum(others, count)
            }
        }
        self.task = task ?? self.task
        defer { isWaiting = true }
        return !isWaiting
    }

    /// Everything since the last time.
    mutating func take() -> [JSON] {
        var list = order.compactMap { entries[$0] }
        if others > 0 {
            list.append(["layer": "any", "object": "others", "count": JSON(others), "what": "other refusals"])
        }
        (entries, order, others, isWaiting) = ([:], [], 0, false)
        return list
    }
}

extension Session {
    /// Has denials told to the coordinator, with those that follow within the second.
    func tell(_ denials: [JSON], task: String?) {
        let isFirst = state.withLock { $0.denials.add(denials, task: task) }
        guard isFirst else { return }
        Worker.start("denials", stackBytes: 256 * 1024) { [self] in tellDenials() }
    }

    /// Tells the coordinator what was refused in the last second.
    func tellDenials() {
        // Ends early only at shutdown, and then what there is is told.
        _ = state.wait(timeoutMilliseconds: PendingDenials.intervalMilliseconds) {
            $0.isStopping ? true : nil
        }
        let (denials, task) = state.withLock { state in (state.denials.take(), state.denials.task) }
        let body = redactor.redact(
            ["task": task.map { .string($0) } ?? .null, "denials": .array(denials)] as JSON)
        do throws(HarnessError) {
            _ = try courier?.post("/coordinator/denials", body, .milliseconds(60_000))
        } catch {
            mailbox.log("denials: \(error); \(denials.count) kinds are not in the journal")
        }
    }
}
