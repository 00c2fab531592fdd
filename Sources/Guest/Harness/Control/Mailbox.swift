// How other threads ask the loop for something.
import Kit
import Synchronization
import System

/// A command that some thread wants run and waits for. Only the loop starts and reaps processes.
final class Job: Sendable {
    /// What became of it.
    enum Outcome: Sendable, Hashable {
        case ended(Spawn.ExitStatus, timedOut: Bool)
        case failed(String)
    }

    let command: Spawn.Command
    private let outcome = Condition<Outcome?>(nil)

    /// The outputs must be descriptors: nobody reads pipes for a job.
    init(_ command: Spawn.Command) { self.command = command }

    func finish(_ result: Outcome) { outcome.withLock { $0 = $0 ?? result } }
    func wait() -> Outcome { outcome.wait { $0 } ?? .failed("the wait was interrupted") }
}

/// The loop's inbox, for any thread.
final class Mailbox: Sendable {
    enum Message: Sendable {
        case start(Job)
        case notify(method: String, params: JSON)
        case log(OutputQueue.LogLine)
    }

    private struct State {
        var messages: [Message] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    private let poller: Poller

    init(poller: Poller) { self.poller = poller }

    func post(_ message: Message) {
        let isClosed = state.withLock { state in
            if !state.isClosed { state.messages.append(message) }
            return state.isClosed
        }
        if isClosed, case .start(let job) = message { job.finish(.failed("the guest is shutting down")) }
        poller.wake()
    }

    /// A line of the harness itself.
    func log(_ text: String) { post(.log(.init(stream: "stderr", line: text, source: "harness"))) }

    /// Starts a command on the loop and waits for its end.
    func run(_ command: Spawn.Command) -> Job.Outcome {
        let job = Job(command)
        post(.start(job))
        return job.wait()
    }

    func drain() -> [Message] {
        state.withLock { state in
            defer { state.messages = [] }
            return state.messages
        }
    }

    /// No more commands are started from now on.
    func close() {
        let left = state.withLock { state in
            state.isClosed = true
            defer { state.messages = [] }
            return state.messages
        }
        for case .start(let job) in left { job.finish(.failed("the guest is shutting down")) }
    }
}
