// The archive that a kernel unpacks into its first file system.

/// Writes the "newc" form of cpio. Pure: the same entries give the same bytes, whoever writes them and when.
/// Linux: Documentation/driver-api/early-userspace/buffer-format.rst
struct Archive: Sendable {
    /// One member, by its path without a leading slash.
    enum Entry: Sendable, Hashable {
        case directory(String, mode: UInt32)
        case file(String, mode: UInt32, bytes: [UInt8])
        /// A character device.
        case device(String, mode: UInt32, major: UInt32, minor: UInt32)
    }

    /// File type bits of a mode. Linux: inode(7)
    private enum Kind {
        static let device: UInt32 = 0o020000
        static let directory: UInt32 = 0o040000
        static let file: UInt32 = 0o100000
    }

    private(set) var bytes: [UInt8] = []
    private var number: UInt32 = 0

    init(_ entries: [Entry]) {
        for entry in entries {
            switch entry {
            case .directory(let path, let mode): add(path, Kind.directory | mode)
            case .file(let path, let mode, let content): add(path, Kind.file | mode, content)
            case .device(let path, let mode, let major, let minor):
                add(path, Kind.device | mode, device: (major, minor))
            }
        }
        add("TRAILER!!!", 0)
    }

    private mutating func add(
        _ path: String, _ mode: UInt32, _ content: [UInt8] = [], device: (UInt32, UInt32) = (0, 0)
    ) {
        number += mode == 0 ? 0 : 1
        let name = Array(path.utf8) + [0]
        // Everything is root's, and of no time.
        let fields: [UInt32] = [
            mode == 0 ? 0 : number, mode, 0, 0, mode & Kind.directory == Kind.directory ? 2 : 1, 0,
            UInt32(content.count), 0, 0, device.0, device.1, UInt32(name.count), 0,
        ]
        bytes += Array("070701".utf8)
        for field in fields {
            let digits = Array(String(field, radix: 16).utf8)
            bytes += [UInt8](repeating: UInt8(ascii: "0"), count: 8 - digits.count) + digits
        }
        bytes += name
        pad()
        bytes += content
        pad()
    }

    private mutating func pad() {
        while bytes.count % 4 != 0 { bytes.append(0) }
    }
}
