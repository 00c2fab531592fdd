// Reading, writing and waiting on descriptors.
import CSystem
public import Glibc

/// Calls on descriptors. Descriptors are borrowed: none of these closes.
public enum IO {
    /// How much one read asks for when the caller has no opinion: the size of a pipe.
    public static let chunkBytes = 65536

    /// Up to `max` bytes; empty at the end of the stream. Linux: read(2)
    public static func read(_ fd: Int32, _ max: Int = chunkBytes) throws(SystemError) -> [UInt8] {
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: max, alignment: 1)
        defer { buffer.deallocate() }
        let count = try check("read", "fd \(fd)") { Glibc.read(fd, buffer, max) }
        return Array(UnsafeRawBufferPointer(start: buffer, count: count))
    }

    /// Up to `max` bytes, or nil when nothing came in time. Empty at the end of the stream.
    public static func readWithTimeout(
        _ fd: Int32, _ max: Int = chunkBytes, timeoutMilliseconds: Int
    ) throws(SystemError) -> [UInt8]? {
        guard try waitReadable(fd, timeoutMilliseconds: timeoutMilliseconds) else { return nil }
        return try read(fd, max)
    }

    /// Everything to the end of the stream.
    /// - Parameter limit: More than this many bytes is EFBIG.
    public static func readAll(_ fd: Int32, limit: Int = .max) throws(SystemError) -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let bytes = try read(fd)
            if bytes.isEmpty { return all }
            all += bytes
            if all.count > limit { throw SystemError(call: "read", operand: "fd \(fd)", code: EFBIG) }
        }
    }

    /// All bytes, waiting while a non-blocking descriptor is full. Linux: write(2)
    ///
    /// On a socket whose peer is gone this is EPIPE, provided `Signals.ignoreSIGPIPE()` was called.
    public static func writeAll(_ fd: Int32, _ bytes: some Collection<UInt8>) throws(SystemError) {
        let copy = ContiguousArray(bytes)
        var sent = 0
        while sent < copy.count {
            do throws(SystemError) {
                sent += try check("write", "fd \(fd)") {
                    copy.withUnsafeBytes { raw in
                        Glibc.write(fd, raw.baseAddress.map { $0 + sent }, raw.count - sent)
                    }
                }
            } catch {
                // A non-blocking descriptor is waited for; on a blocking socket EAGAIN is the send timeout.
                let isNonBlocking = error.code == EAGAIN && cs_fcntl(fd, F_GETFL, 0) & O_NONBLOCK != 0
                if !isNonBlocking { throw error }
                try waitWritable(fd)
            }
        }
    }

    /// Up to `max` bytes from a place; the descriptor's own position stays. Linux: pread(2)
    public static func read(
        _ fd: Int32, at offset: Int64, _ max: Int = chunkBytes
    ) throws(SystemError) -> [UInt8] {
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: max, alignment: 1)
        defer { buffer.deallocate() }
        let count = try check("pread", "fd \(fd)") { pread(fd, buffer, max, off_t(offset)) }
        return Array(UnsafeRawBufferPointer(start: buffer, count: count))
    }

    /// Brings a file to the disk. Linux: fsync(2)
    public static func sync(_ fd: Int32) throws(SystemError) {
        try check("fsync", "fd \(fd)") { fsync(fd) }
    }

    /// Waits until there is something to read, an end, or an error. False when the time is over. Linux:
    /// poll(2)
    /// - Parameter timeoutMilliseconds: Negative waits without end.
    @discardableResult
    public static func waitReadable(_ fd: Int32, timeoutMilliseconds: Int = -1) throws(SystemError) -> Bool {
        try wait(fd, Int16(POLLIN), timeoutMilliseconds) != 0
    }

    /// Waits until a write would not block. False when the time is over. Linux: poll(2)
    @discardableResult
    public static func waitWritable(_ fd: Int32, timeoutMilliseconds: Int = -1) throws(SystemError) -> Bool {
        try wait(fd, Int16(POLLOUT), timeoutMilliseconds) != 0
    }

    private static func wait(_ fd: Int32, _ events: Int16, _ milliseconds: Int) throws(SystemError) -> Int16 {
        var entries = [pollfd(fd: fd, events: events, revents: 0)]
        try poll(&entries, timeoutMilliseconds: milliseconds)
        return entries[0].revents
    }

    /// poll(2) over many descriptors; the time that is left survives interruptions.
    public static func poll(_ entries: inout [pollfd], timeoutMilliseconds: Int) throws(SystemError) {
        let deadline = Clock.monotonicNanoseconds() + Int64(max(0, timeoutMilliseconds)) * 1_000_000
        while true {
            let left = max(0, (deadline - Clock.monotonicNanoseconds() + 999_999) / 1_000_000)
            let milliseconds = timeoutMilliseconds < 0 ? -1 : Int32(clamping: left)
            if Glibc.poll(&entries, nfds_t(entries.count), milliseconds) >= 0 { return }
            let code = cs_errno()
            if code != EINTR { throw SystemError(call: "poll", code: code) }
        }
    }

    /// A pipe: what is written to the second is read from the first. Linux: pipe2(2)
    public static func pipe() throws(SystemError) -> Pipe {
        var ends: [Int32] = [-1, -1]
        try check("pipe2") { cs_pipe(&ends) }
        return Pipe(reader: FileDescriptor(adopting: ends[0]), writer: FileDescriptor(adopting: ends[1]))
    }

    /// Another number for the same open file, close-on-exec. Linux: fcntl(2) F_DUPFD_CLOEXEC
    public static func duplicate(_ fd: Int32, atLeast: Int32 = 0) throws(SystemError) -> FileDescriptor {
        FileDescriptor(
            adopting: try check("fcntl(F_DUPFD_CLOEXEC)", "fd \(fd)") {
                cs_fcntl(fd, F_DUPFD_CLOEXEC, atLeast)
            })
    }

    /// Linux: fcntl(2) O_NONBLOCK
    public static func setNonBlocking(_ fd: Int32, _ isOn: Bool = true) throws(SystemError) {
        let flags = try check("fcntl(F_GETFL)", "fd \(fd)") { cs_fcntl(fd, F_GETFL, 0) }
        let wanted = isOn ? flags | O_NONBLOCK : flags & ~O_NONBLOCK
        try check("fcntl(F_SETFL)", "fd \(fd)") { cs_fcntl(fd, F_SETFL, wanted) }
    }

    /// Linux: fcntl(2) FD_CLOEXEC
    public static func setCloseOnExec(_ fd: Int32, _ isOn: Bool = true) throws(SystemError) {
        try check("fcntl(F_SETFD)", "fd \(fd)") { cs_fcntl(fd, F_SETFD, isOn ? FD_CLOEXEC : 0) }
    }

    /// Ends a connection and wakes whoever is blocked on it. Best effort: a peer that left first is no error.
    public static func shutdown(_ fd: Int32, read: Bool = true, write: Bool = true) {
        let how = read ? (write ? SHUT_RDWR : SHUT_RD) : SHUT_WR
        _ = Glibc.shutdown(fd, Int32(how))
    }
}

/// The two ends of a pipe.
public struct Pipe: ~Copyable, Sendable {
    /// Where bytes come out.
    public var reader: FileDescriptor
    /// Where bytes go in.
    public var writer: FileDescriptor

    /// Takes both ends apart.
    public consuming func split() -> (reader: SharedDescriptor, writer: SharedDescriptor) {
        (SharedDescriptor(reader), SharedDescriptor(writer))
    }
}
