// Ctrl-C, Ctrl-Z and the like while a session is being followed.
import Glibc
import Kit
import System

extension SessionFollower {
    /// How long a second Ctrl-C is waited for, in milliseconds.
    private static let secondMilliseconds = 3000
    /// How long the coordinator may take to cancel, in milliseconds.
    private static let cancelMilliseconds = 10_000

    /// Takes over the signals of the terminal; before any other thread is started.
    func watchSignals() {
        guard let signals = try? Signals([SIGINT, SIGTERM, SIGHUP, SIGTSTP]) else { return }
        Worker.start("signals") { [self] in
            while let signal = try? signals.next() {
                switch signal {
                case SIGINT: interrupt(signals)
                case SIGTSTP: stop()
                default: leave()
                }
            }
        }
    }

    /// The terminal as it was found; the session goes on.
    private func leave() -> Never {
        Terminal.restore()
        clearStatus()
        exit(ExitCode.interrupted.rawValue)
    }

    /// The first Ctrl-C lets go, a second one soon after cancels the session, a third one does not wait for
    /// that.
    private func interrupt(_ signals: Signals) -> Never {
        Terminal.restore()
        mute()
        Terminal.note(
            "\nopenclaw: detached; the session goes on. Come back with: openclaw session \(id) --logs -f")
        guard isOwner else { leave() }
        Terminal.note("  press Ctrl-C again within \(Self.secondMilliseconds / 1000) s to cancel it")
        guard wait(signals, milliseconds: Self.secondMilliseconds) else { leave() }
        Terminal.note("openclaw: cancelling; Ctrl-C once more ends this program without waiting")
        Worker.start("cancel") { [self] in
            do throws(CLIError) {
                try client.call("POST", path + "/cancel", [:], timeoutMilliseconds: Self.cancelMilliseconds)
                Terminal.note("openclaw: cancelled; the work is kept")
            } catch {
                Terminal.note("openclaw: not cancelled: \(Terminal.harmless(error.message))")
            }
            leave()
        }
        _ = wait(signals, milliseconds: 2 * Self.cancelMilliseconds)
        leave()
    }

    /// True when another Ctrl-C came in time.
    private func wait(_ signals: Signals, milliseconds: Int) -> Bool {
        let deadline = Clock.monotonicNanoseconds() + Int64(milliseconds) * 1_000_000
        while true {
            let left = Int((deadline - Clock.monotonicNanoseconds()) / 1_000_000)
            guard left > 0, let signal = try? signals.next(timeoutMilliseconds: left) else { return false }
            if signal == SIGINT { return true }
            if signal != SIGTSTP { leave() }
        }
    }

    /// Gives the terminal back in order, stops, and takes it again when this goes on.
    private func stop() {
        let wasAsking = Terminal.restore()
        clearStatus()
        // To this thread, so that it does not take the terminal again before everything stands still.
        raise(SIGSTOP)
        guard wasAsking else { return }
        Terminal.readsKeys()
        Terminal.write(question, to: 1)
    }
}
