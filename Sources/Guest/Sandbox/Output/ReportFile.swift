import Glibc
import Kit
import System

/// Where the report goes. In a regular file it is kept up to date while the command runs, so that whoever
/// holds the other end learns at once what holds and what was refused; through a pipe it goes once, at the
/// end.
struct ReportFile {
    let descriptor: Int32
    private let isRegular: Bool

    /// Nothing is written when nobody gave a descriptor.
    init(_ descriptor: Int32) {
        self.descriptor = descriptor
        var status = stat()
        isRegular = fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    /// What holds, once it does, and what was refused so far. Best effort: the report at the end has both.
    func keep(_ layers: [String: JSON]?, _ denials: Denials) {
        guard isRegular else { return }
        var report: JSON = ["denials": .array(denials.json)]
        report["layers"] = layers.map { .object($0) }
        replace(report.serialized() + [0x0A])
    }

    func finish(_ report: JSON) {
        guard fcntl(descriptor, F_GETFD) >= 0 else { return }
        let bytes = report.serialized() + [0x0A]
        if isRegular { replace(bytes) } else { try? IO.writeAll(descriptor, bytes) }
    }

    /// The bytes, then the length: who reads meanwhile sees the old beginning or the new one, and a text that
    /// is no JSON for a moment.
    private func replace(_ bytes: [UInt8]) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                pwrite(descriptor, $0.baseAddress?.advanced(by: done), bytes.count - done, off_t(done))
            }
            if count < 0, errno == EINTR { continue }
            if count <= 0 { return }
            done += count
        }
        _ = ftruncate(descriptor, off_t(bytes.count))
    }
}
