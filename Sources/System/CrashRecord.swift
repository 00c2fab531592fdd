// What a thread was at when the process died of it.
import CSystem
import Glibc

/// Writes down, as the last thing that a dying process does, what the thread that it dies of had in hand: a
/// line `UNIX-SECONDS TEXT`. Nothing of it costs more than a copy of the text while all goes well. Linux:
/// sigaction(2), signal-safety(7)
public enum CrashRecord {
    /// Has deaths by ILL, TRAP, ABRT, BUS, FPE, SEGV and SYS recorded.
    /// - Parameters:
    ///   - file: Opened for appending; it stays open for as long as the process lives.
    ///   - command: What the process becomes then, its program's path first, so that what it serves is served
    ///     again at once. Empty: it ends. Only a death with something in hand counts: any other may come at
    ///     once again.
    public static func start(_ file: SharedDescriptor, then command: [String] = []) throws(SystemError) {
        var words: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
        if !command.isEmpty {
            let list = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(
                capacity: command.count + 1)
            for (index, word) in command.enumerated() { list[index] = strdup(word) }
            list[command.count] = nil
            words = list
        }
        // Both are kept for ever: a handler cannot ask who owns them.
        _ = Unmanaged.passRetained(file)
        try check("sigaction", "fd \(file.raw)") { cs_crash_record(file.raw, words) }
    }

    /// Does something, known as this thread's work meanwhile.
    /// - Parameter text: Cut to 255 bytes; a line feed in it is a space.
    public static func holding<Result, Failure: Error>(
        _ text: String, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let before = String(cString: cs_crash_in_hand())
        cs_crash_hand(text.utf8.contains(0x0A) ? String(text.map { $0.isNewline ? " " : $0 }) : text)
        defer { cs_crash_hand(before) }
        return try body()
    }
}
