// A file that an agent hands to its peers.

/// What is known of one: the bytes are on the volume, this is in the journal.
public struct Artifact: Sendable, Hashable, Codable {
    /// The agent that put it there.
    public var owner: String
    public var name: String
    /// In bytes.
    public var size: Int64
    /// SHA-256, in lower-case hexadecimal digits.
    public var digest: String

    public init(owner: String, name: String, size: Int64, digest: String) {
        (self.owner, self.name, self.size, self.digest) = (owner, name, size, digest)
    }

    /// `coder-1/build.tar`.
    public var id: String { "\(owner)/\(name)" }

    /// The largest, in bytes: what issue and promise say, 1 GiB.
    public static let sizeLimit: Int64 = 1 << 30
    /// In one session; each is a line of the journal and of the report.
    public static let countLimit = 256
    /// Everything that one agent keeps, its own and what it got, in bytes: the guest's disk has 5 GB.
    public static let diskLimit: Int64 = 4 << 30

    /// Letters, digits, dots, dashes and underscores, 128 at most, and no dot or dash first: it is a file's
    /// name on every system, part of a path, and safe to print.
    public static func isName(_ text: String) -> Bool {
        // A hidden file, or an option of the command that somebody gives it to.
        (1...128).contains(text.utf8.count) && !text.hasPrefix(".") && !text.hasPrefix("-")
            && text != received
            && text.utf8.allSatisfy {
                switch $0 {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
                default: false
                }
            }
    }

    /// 64 lower-case hexadecimal digits.
    public static func isDigest(_ text: String) -> Bool {
        text.utf8.count == 64
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    /// Where an agent's files are, below its directory of the volume: by digest, what was got from others,
    /// and what is on its way.
    public static let byDigest = ".sha256"
    public static let received = "received"
    public static let parts = ".part"

    /// Below the volume.
    public static func path(owner: String, name: String) -> String { "artifacts/\(owner)/\(name)" }
    public static func path(owner: String, digest: String) -> String {
        "artifacts/\(owner)/\(byDigest)/\(digest)"
    }
}
