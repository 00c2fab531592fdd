// Contents of many objects at once, through one git.

/// Reads blobs with `git cat-file --batch`; bounded in each and in all.
struct BlobReader {
    let git: Git

    /// Reads blobs and hands each to `body` with what of it was read; nil for what is longer than the limit
    /// or is no blob.
    /// - Parameter ids: Full ids, each once.
    func read(
        _ ids: [String], limitBytes: Int, _ body: (String, ArraySlice<UInt8>?) -> Void
    ) throws(DeliveryError) {
        // One pass when all of it is small, as it mostly is.
        if ids.count <= Self.onePass, try pass(ids[...], limitBytes: limitBytes, body) { return }
        let sizes = try sizes(of: ids)
        var (batch, bytes): ([String], Int) = ([], 0)
        for id in ids {
            guard let size = sizes[id], size <= limitBytes else {
                body(id, nil)
                continue
            }
            if bytes + size > Limits.inspectedBytes / 2, !batch.isEmpty {
                try readAll(batch, limitBytes, body)
                (batch, bytes) = ([], 0)
            }
            batch.append(id)
            bytes += size
        }
        if !batch.isEmpty { try readAll(batch, limitBytes, body) }
    }

    private static let onePass = 20_000

    private func readAll(
        _ ids: [String], _ limitBytes: Int, _ body: (String, ArraySlice<UInt8>?) -> Void
    ) throws(DeliveryError) {
        guard try pass(ids[...], limitBytes: limitBytes, body) else {
            throw DeliveryError(.git, "read \(ids.count) files", "git printed more than their sizes")
        }
    }

    /// - Returns: False when it is more than fits; then nothing was handed out.
    private func pass(
        _ ids: ArraySlice<String>, limitBytes: Int, _ body: (String, ArraySlice<UInt8>?) -> Void
    ) throws(DeliveryError) -> Bool {
        guard !ids.isEmpty else { return true }
        let arguments = ["cat-file", "--batch", "--buffer"]
        let outcome = try git.attempt(
            arguments, input: Array((ids.joined(separator: "\n") + "\n").utf8),
            limit: Limits.inspectedBytes)
        if outcome.isTruncated { return false }
        guard outcome.code == 0 else { throw git.failure(arguments, outcome) }
        let bytes = outcome.stdout
        var at = bytes.startIndex
        for id in ids {
            guard let end = bytes[at...].firstIndex(of: 0x0A) else {
                throw DeliveryError(.git, "read \(id)", "git ended early")
            }
            let words = String(decoding: bytes[at..<end], as: UTF8.self).split(separator: " ")
            guard words.count == 3, words[0] == id, let size = Int(words[2]), size >= 0,
                end + 1 + size < bytes.endIndex
            else {
                throw DeliveryError(.git, "read \(id)", "the object is missing in \(git.directory ?? "")")
            }
            let isRead = words[1] == "blob" && size <= limitBytes
            body(id, isRead ? bytes[(end + 1)..<(end + 1 + size)] : nil)
            at = end + 2 + size
        }
        return true
    }

    /// The sizes of blobs; what is none is not in it.
    func sizes(of ids: [String]) throws(DeliveryError) -> [String: Int] {
        let outcome = try git.run(
            ["cat-file", "--batch-check", "--buffer"],
            input: Array((ids.joined(separator: "\n") + "\n").utf8), limit: Limits.rawBytes)
        var sizes: [String: Int] = [:]
        for line in outcome.lines {
            let words = line.split(separator: " ")
            if words.count == 3, words[1] == "blob" { sizes[String(words[0])] = Int(words[2]) }
        }
        return sizes
    }
}
