// What the last try of KVM came to, so that not every command waits for one.
import Kit
import System

/// The result of a probe, and of what machine it is true. A value.
struct KVMRecord: Sendable, Hashable {
    var verdict: KVM.Verdict
    /// Unix milliseconds.
    var at: Int64
    /// What it depends on; with another one it says nothing.
    var key: String

    /// A record is believed for a week, in milliseconds: what a cloud does to its hosts changes no file here.
    static let longestAge: Int64 = 7 * 86_400_000
    private static let fileBytes = 64 * 1024

    /// The kernels, the monitor and the device of now.
    static func key(kernel: Kernel?, qemu: String) -> String {
        let running = (try? Files.readText("/proc/sys/kernel/random/boot_id", limit: 256)) ?? ""
        let program = try? Files.status(qemu)
        let device = try? Files.status("/dev/kvm")
        let parts = [
            running, kernel?.path ?? "", kernel?.release ?? "", qemu, "\(program?.modifiedNanoseconds ?? 0)",
            "\(program?.size ?? 0)", "\(device?.mode ?? 0)", "\(device?.group ?? 0)",
            "\(Credentials.effectiveUser())",
        ]
        return String(Digest.sha256Hex(Array(parts.joined(separator: "\n").utf8)).prefix(32))
    }

    /// Reads one; nil for anything that is none, is of another machine, of the future, or too old.
    /// - Parameter key: Found out only when there is a record to hold it against.
    static func read(_ path: String, key: @autoclosure () -> String, now: Int64) -> KVMRecord? {
        guard let bytes = try? Files.read(path, limit: fileBytes), let json = try? JSON.parse(bytes) else {
            return nil
        }
        return KVMRecord(json, key: key(), now: now)
    }

    init?(_ json: JSON, key: String, now: Int64) {
        guard let at = json["at"]?.int64Value, json["key"]?.stringValue == key, at <= now,
            now - at < Self.longestAge
        else { return nil }
        if let milliseconds = json["works_ms"]?.int64Value {
            verdict = .works(milliseconds: milliseconds)
        } else if let reason = json["unusable"]?.stringValue {
            verdict = .unusable(reason)
        } else {
            return nil
        }
        (self.at, self.key) = (at, key)
    }

    init(verdict: KVM.Verdict, at: Int64, key: String) {
        (self.verdict, self.at, self.key) = (verdict, at, key)
    }

    var json: JSON {
        var json: JSON = ["at": JSON(at), "key": .string(key)]
        switch verdict {
        case .works(let milliseconds): json["works_ms"] = JSON(milliseconds)
        case .unusable(let reason): json["unusable"] = .string(reason)
        }
        return json
    }

    /// Best effort: without it the next command tries again.
    func write(_ path: String) {
        try? Files.makeDirectories(Files.parent(of: path))
        try? Files.writeAtomically(path, json.serialized())
    }
}
