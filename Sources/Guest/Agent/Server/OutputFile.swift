import Glibc
import Kit
import System

/// Where a command's output goes: a file, so that no amount of it blocks anybody, that a process which stays
/// behind can go on writing, and that all of it can be read later.
struct OutputFile: Sendable {
    let path: String

    /// Characters that a model is shown of one output.
    static let shownCharacters = 10_000
    /// Bytes that are read of either end of a long one; characters have up to four.
    private static let endBytes: Int64 = 40_000
    /// A tool server's /tmp is its sandbox's own; tests share theirs, and must not meet there.
    static let directory =
        Environment.arguments().dropFirst().first == "tool"
        ? "/tmp/openclaw" : "/tmp/openclaw-\(Processes.current())"

    /// - Parameter name: Of the file, without its ending.
    init(_ name: String) throws(SystemError) {
        try Files.makeDirectories(Self.directory)
        path = "\(Self.directory)/\(name).txt"
        try Files.write(path, [])
    }

    var size: Int64 { (try? Files.size(path)) ?? 0 }

    /// The output as a model is shown it: the start and the end, without the colours of terminals.
    /// - Parameter from: Bytes that it has seen.
    func shown(from: Int64 = 0) -> String {
        let size = size
        let length = size - from
        guard length > 0 else { return "" }
        if length <= 2 * Self.endBytes {
            return Shown.shorten(Shown.plain(read(from, length)), limit: Self.shownCharacters, place: path)
        }
        let half = Self.shownCharacters / 2
        let head = Shown.plain(read(from, Self.endBytes)).prefix(half)
        let tail = Shown.plain(read(size - Self.endBytes, Self.endBytes)).suffix(half)
        return "\(head)\n[… about \(length) bytes in all; the whole output is in \(path) …]\n\(tail)"
    }

    /// Nothing is lost when it was short enough to be shown whole.
    func removeIfShown() {
        // A process that still writes keeps its file.
        if size <= Int64(Self.shownCharacters) { try? Files.remove(path) }
    }

    /// At most so many bytes from a place; the file may be longer, and grow.
    private func read(_ offset: Int64, _ length: Int64) -> String {
        String(decoding: FilePiece.read(path, from: offset, count: Int(length)) ?? [], as: UTF8.self)
    }
}

/// A part of a file, however long the file is.
enum FilePiece {
    /// Nil when the file cannot be opened.
    static func read(_ path: String, from offset: Int64 = 0, count: Int) -> [UInt8]? {
        guard let file = try? Files.open(path, O_RDONLY), lseek(file.raw, Int(offset), SEEK_SET) >= 0 else {
            return nil
        }
        var bytes: [UInt8] = []
        while bytes.count < count,
            let piece = try? IO.read(file.raw, min(IO.chunkBytes, count - bytes.count)), !piece.isEmpty
        {
            bytes += piece
        }
        return bytes
    }
}

extension Shown {
    /// Without escape sequences, bells and what carriage returns have overwritten.
    static func plain(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 < 0x20 && $0 != 0x0A && $0 != 0x09 }) else { return text }
        var result: [UInt8] = []
        var lineStart = 0
        var bytes = Array(text.utf8)[...]
        while let byte = bytes.popFirst() {
            switch byte {
            case 0x1B: skipEscape(&bytes)
            case 0x0D:
                // Progress bars write their line again and again; the last one stays.
                if bytes.first != 0x0A, bytes.first != 0x0D { result.removeSubrange(lineStart...) }
            case 0x08: if result.count > lineStart { result.removeLast() }
            case 0x0A:
                result.append(byte)
                lineStart = result.count
            case 0x09, 0x20...: result.append(byte)
            default: break
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// ECMA-48: CSI … final byte, OSC … BEL or ST, or one character.
    private static func skipEscape(_ bytes: inout ArraySlice<UInt8>) {
        guard let kind = bytes.popFirst() else { return }
        switch kind {
        case 0x5B: while let byte = bytes.popFirst(), !(0x40...0x7E).contains(byte) {}
        case 0x5D:
            while let byte = bytes.popFirst(), byte != 0x07 {
                if byte == 0x1B {
                    _ = bytes.popFirst()
                    return
                }
            }
        default: break
        }
    }
}
