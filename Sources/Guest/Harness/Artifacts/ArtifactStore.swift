// The files of one agent for its peers, on the volume: there they outlive the guest that put them.
import Glibc
import Kit
import Synchronization
import System

/// The directory `artifacts/AGENT` of the volume, which only this agent's harness writes.
///
/// A file is kept by its digest and has a second name for people, so that a transfer that was cut goes on
/// with the same bytes or not at all, whatever was put under the name meanwhile.
final class ArtifactStore: Sendable {
    private struct State {
        var isPutting = false
        /// By digest: bytes that are on their way.
        var pending: [String: Int64] = [:]
    }

    private let directory: String
    private let diskLimit: Int64
    private let state = Condition(State())

    /// Bytes that are copied at a time.
    static let pieceBytes = 1 << 20

    init(directory: String, diskLimit: Int64 = Artifact.diskLimit) {
        (self.directory, self.diskLimit) = (directory, diskLimit)
    }

    private func place(_ parts: String...) -> String { ([directory] + parts).joined(separator: "/") }

    // MARK: What is ours

    /// Copies an open file under a name, replacing what had it. What is read is what is digested: who
    /// changes the file meanwhile changes nothing of what was put.
    /// - Returns: Size and digest.
    func put(_ name: String, from file: Int32) throws(HarnessError) -> (size: Int64, digest: String) {
        let what = "put the artifact \(name)"
        guard Artifact.isName(name) else { throw Self.badName(what) }
        _ = state.wait { state in
            guard !state.isPutting else { return nil as Bool? }
            state.isPutting = true
            return true
        }
        defer { state.withLock { $0.isPutting = false } }
        let status = try attempt(what) { () throws(SystemError) in try Files.status(of: file) }
        guard status.isRegular else {
            throw HarnessError(what, "it is no regular file", hint: "pack a directory into one file first")
        }
        guard status.size <= Artifact.sizeLimit else {
            throw HarnessError(what, "it has \(status.size) bytes; \(Artifact.sizeLimit) is the limit")
        }
        let part = place(Artifact.parts, "put-\(Random.hex(8))")
        try reserve("put", status.size, what)
        defer {
            _ = state.withLock { $0.pending.removeValue(forKey: "put") }
            try? Files.remove(part)
        }
        return try attempt(what) { () throws(SystemError) in
            for folder in [Artifact.parts, Artifact.byDigest] { try Files.makeDirectories(place(folder)) }
            let (size, digest) = try Self.copy(file, to: part, limit: status.size)
            let kept = place(Artifact.byDigest, digest)
            try Files.rename(part, kept)
            try Files.link(kept, at: part)
            try Files.rename(part, place(name))
            try sweep()
            return (size, digest)
        }
    }

    /// Copies to a new file. More than was announced is EFBIG: it is still being written.
    private static func copy(_ file: Int32, to path: String, limit: Int64) throws(SystemError) -> (
        Int64, String
    ) {
        let target = try Files.open(path, O_WRONLY | O_CREAT | O_EXCL)
        var digest = SHA256Stream()
        var size: Int64 = 0
        while true {
            let piece = try IO.read(file, at: size, pieceBytes)
            if piece.isEmpty { break }
            size += Int64(piece.count)
            guard size <= limit else { throw SystemError(call: "read", operand: path, code: EFBIG) }
            digest.update(piece)
            try IO.writeAll(target.raw, piece)
        }
        try IO.sync(target.raw)
        return (size, digest.hexDigest())
    }

    /// Removes content that no name is left for.
    private func sweep() throws(SystemError) {
        for digest in try Files.list(place(Artifact.byDigest)) {
            let path = place(Artifact.byDigest, digest)
            if let status = try? Files.status(path, followLinks: false), status.links < 2 {
                try Files.remove(path)
            }
        }
    }

    /// Takes a name back that nobody was told of.
    func withdraw(_ name: String) {
        // What stays is removed when something else is put.
        try? Files.remove(place(name))
        try? sweep()
    }

    /// Opens content of ours.
    func open(_ digest: String) throws(SystemError) -> (file: SharedDescriptor, size: Int64) {
        guard Artifact.isDigest(digest) else {
            throw SystemError(call: "open", operand: "artifact", code: ENOENT)
        }
        return try Self.open(place(Artifact.byDigest, digest))
    }

    /// Opens a regular file and no link to one.
    static func open(_ path: String) throws(SystemError) -> (file: SharedDescriptor, size: Int64) {
        let file = try Files.openRegular(path)
        let size = try Files.status(of: file.raw).size
        return (file.shared(), size)
    }

    // MARK: What is on its way to us

    /// A file that grows until it is whole.
    struct Part {
        let file: SharedDescriptor
        let path: String
        /// What was there already, from a transfer that was cut.
        var offset: Int64
        var digest: SHA256Stream

        mutating func append(_ bytes: [UInt8]) throws(SystemError) {
            try IO.writeAll(file.raw, bytes)
            digest.update(bytes)
            offset += Int64(bytes.count)
        }
    }

    /// The file that content comes into; one transfer of the same content at a time.
    func part(of artifact: Artifact) throws(HarnessError) -> Part {
        let what = "get \(artifact.id)"
        _ = state.wait { state in
            guard state.pending[artifact.digest] == nil else { return nil as Bool? }
            state.pending[artifact.digest] = 0
            return true
        }
        do throws(HarnessError) {
            try reserve(artifact.digest, artifact.size, what)
            return try attempt(what) { () throws(SystemError) in
                try Files.makeDirectories(place(Artifact.parts))
                let path = place(Artifact.parts, artifact.digest)
                let file = try Files.open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW)
                var part = Part(file: file.shared(), path: path, offset: 0, digest: SHA256Stream())
                // What an earlier try brought is digested again: it may be anything.
                while part.offset <= artifact.size {
                    let piece = try IO.read(part.file.raw, at: part.offset, Self.pieceBytes)
                    if piece.isEmpty { return part }
                    part.digest.update(piece)
                    part.offset += Int64(piece.count)
                }
                try Files.remove(path)
                let anew = try Files.open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND).shared()
                return Part(file: anew, path: path, offset: 0, digest: SHA256Stream())
            }
        } catch {
            release(artifact)
            throw error
        }
    }

    /// The transfer has ended, well or not.
    func release(_ artifact: Artifact) {
        _ = state.withLock { $0.pending.removeValue(forKey: artifact.digest) }
    }

    /// Gives what came its name, if it is what was announced; otherwise it goes.
    /// - Returns: The path.
    func commit(_ part: Part, _ artifact: Artifact) throws(HarnessError) -> String {
        let what = "get \(artifact.id)"
        let digest = part.digest.hexDigest()
        guard part.offset == artifact.size, digest == artifact.digest else {
            try? Files.remove(part.path)
            throw HarnessError(
                what, "what came is not what was announced: \(part.offset) bytes with SHA-256 \(digest)",
                hint: "ask \(artifact.owner) to put it again")
        }
        return try attempt(what) { () throws(SystemError) in
            try IO.sync(part.file.raw)
            let folder = place(Artifact.received, artifact.owner)
            try Files.makeDirectories(folder)
            let path = "\(folder)/\(artifact.name)"
            try Files.rename(part.path, path)
            return path
        }
    }

    /// The path of what was received already with the same content; nil when it was not.
    func received(_ artifact: Artifact) -> String? {
        let path = place(Artifact.received, artifact.owner, artifact.name)
        guard let (file, size) = try? Self.open(path), size == artifact.size else { return nil }
        var digest = SHA256Stream()
        var offset: Int64 = 0
        while let piece = try? IO.read(file.raw, at: offset, Self.pieceBytes), !piece.isEmpty {
            digest.update(piece)
            offset += Int64(piece.count)
        }
        return digest.hexDigest() == artifact.digest ? path : nil
    }

    // MARK: The disk

    private func reserve(_ key: String, _ bytes: Int64, _ what: String) throws(HarnessError) {
        let fits = state.withLock { state in
            state.pending[key] = bytes
            return makeRoom(state.pending)
        }
        guard fits else {
            _ = state.withLock { $0.pending.removeValue(forKey: key) }
            throw HarnessError(
                what, "the artifacts of one agent have \(diskLimit >> 20) MiB, and that is taken",
                hint: "put a smaller file, or replace one of yours under the same name")
        }
    }

    /// What came from others can be had again, so it goes first, the oldest before the rest.
    private func makeRoom(_ pending: [String: Int64]) -> Bool {
        let wanted = pending.values.reduce(0, +)
        var used = sizes(place(Artifact.byDigest)).reduce(0) { $0 + $1.size }
        if used + wanted > diskLimit { return false }
        var others: [(path: String, size: Int64, at: Int64)] = []
        for owner in (try? Files.list(place(Artifact.received))) ?? [] {
            others += sizes(place(Artifact.received, owner))
        }
        // Half of something that nobody is fetching; what is being fetched is in `pending` as a whole.
        others =
            sizes(place(Artifact.parts)).filter { pending[Files.name(of: $0.path)] == nil }
            + others.sorted { $0.at < $1.at }
        used += others.reduce(0) { $0 + $1.size }
        for other in others where used + wanted > diskLimit {
            // What cannot be removed is still counted.
            if (try? Files.remove(other.path)) != nil { used -= other.size }
        }
        return used + wanted <= diskLimit
    }

    private func sizes(_ folder: String) -> [(path: String, size: Int64, at: Int64)] {
        ((try? Files.list(folder)) ?? []).compactMap { name in
            let path = "\(folder)/\(name)"
            guard let status = try? Files.status(path, followLinks: false) else { return nil }
            return (path, status.size, status.modifiedNanoseconds)
        }
    }

    static func badName(_ what: String) -> HarnessError {
        HarnessError(what, "a name is letters, digits, dots, dashes and underscores, and begins with no dot")
    }
}
