// Mounts.
import CSystem
import Glibc

/// Flags of mount(2).
public struct MountFlags: OptionSet, Sendable, Hashable {
    public var rawValue: UInt
    public init(rawValue: UInt) { self.rawValue = rawValue }
    public static let readOnly = MountFlags(rawValue: 1)
    public static let noSetuid = MountFlags(rawValue: 2)
    public static let noDevices = MountFlags(rawValue: 4)
    public static let noExecute = MountFlags(rawValue: 8)
    public static let remount = MountFlags(rawValue: 32)
    public static let noAccessTime = MountFlags(rawValue: 1024)
    public static let bind = MountFlags(rawValue: 4096)
    public static let move = MountFlags(rawValue: 8192)
    public static let recursive = MountFlags(rawValue: 16384)
    public static let unbindable = MountFlags(rawValue: 1 << 17)
    public static let makePrivate = MountFlags(rawValue: 1 << 18)
    public static let makeSlave = MountFlags(rawValue: 1 << 19)
    public static let makeShared = MountFlags(rawValue: 1 << 20)
    public static let relativeAccessTime = MountFlags(rawValue: 1 << 21)
}

/// Mount calls.
public enum Mounts {
    /// Flags of umount2(2).
    public struct UnmountFlags: OptionSet, Sendable, Hashable {
        public var rawValue: Int32
        public init(rawValue: Int32) { self.rawValue = rawValue }
        public static let force = UnmountFlags(rawValue: 1)
        public static let detach = UnmountFlags(rawValue: 2)
        public static let noFollow = UnmountFlags(rawValue: 8)
    }

    /// Linux: mount(2)
    public static func mount(
        _ source: String, _ target: String, type: String = "", flags: MountFlags = [], data: String = ""
    ) throws(SystemError) {
        try check("mount", "\(type.isEmpty ? "" : type + " ")\(source) -> \(target)") {
            cs_mount(source, target, type, flags.rawValue, data)
        }
    }

    /// Shows `source` at `target` too.
    ///
    /// Read-only is set by mount_setattr(2), which adds flags and keeps those that an outer user namespace
    /// locked (nosuid, nodev, noexec); before Linux 5.12 by a remount with the flags that statvfs(2) reports.
    public static func bind(
        _ source: String, _ target: String, readOnly: Bool = false, recursive: Bool = false,
        adding flags: MountFlags = []
    ) throws(SystemError) {
        try mount(source, target, flags: recursive ? [.bind, .recursive] : [.bind])
        let wanted = readOnly ? flags.union(.readOnly) : flags
        if !wanted.isEmpty { try restrict(target, wanted, recursive: recursive) }
    }

    /// Adds flags to a mount, and to all below it when recursive. Linux: mount_setattr(2)
    public static func restrict(
        _ target: String, _ flags: MountFlags, recursive: Bool
    ) throws(SystemError) {
        // The first four MOUNT_ATTR_ bits are those of mount(2).
        if cs_mount_set(target, recursive ? 1 : 0, UInt64(flags.rawValue & 15), 0, 0) == 0 { return }
        let code = cs_errno()
        guard code == ENOSYS else { throw SystemError(call: "mount_setattr", operand: target, code: code) }
        let kept = MountFlags(rawValue: cs_mount_flags(target) & 15)
        try mount("", target, flags: flags.union(kept).union([.bind, .remount]))
    }

    /// Linux: umount2(2)
    public static func unmount(_ target: String, _ flags: UnmountFlags = []) throws(SystemError) {
        try check("umount2", target) { cs_unmount(target, flags.rawValue) }
    }

    /// Linux: pivot_root(2)
    public static func pivotRoot(_ newRoot: String, putOld: String) throws(SystemError) {
        try check("pivot_root", "\(newRoot), \(putOld)") { cs_pivot_root(newRoot, putOld) }
    }

    /// Makes `newRoot`, a mount point, the root, and detaches the old one. Leaves the working directory at
    /// "/".
    ///
    /// The old root lands on top of the new one at "." and is detached from there, so that no directory is
    /// needed for it; pivot_root(2) documents this. The kernel's first root file system, which a machine that
    /// runs from its initramfs is still in, cannot be pivoted: there the new root is moved on top of it.
    public static func enterRoot(_ newRoot: String) throws(SystemError) {
        try check("chdir", newRoot) { chdir(newRoot) }
        do throws(SystemError) {
            try pivotRoot(".", putOld: ".")
            try unmount(".", .detach)
        } catch {
            guard error.call == "pivot_root", error.code == EINVAL else { throw error }
            try mount(".", "/", flags: .move)
            try check("chroot", ".") { chroot(".") }
        }
        try check("chdir", "/") { chdir("/") }
    }

    /// A mount event neither comes nor goes.
    public static func makePrivate(_ target: String, recursive: Bool = true) throws(SystemError) {
        try mount("", target, flags: recursive ? [.makePrivate, .recursive] : [.makePrivate])
    }

    /// Mount events come and go.
    public static func makeShared(_ target: String, recursive: Bool = true) throws(SystemError) {
        try mount("", target, flags: recursive ? [.makeShared, .recursive] : [.makeShared])
    }

    /// Mount events come from the peer group but do not go there.
    public static func makeSlave(_ target: String, recursive: Bool = true) throws(SystemError) {
        try mount("", target, flags: recursive ? [.makeSlave, .recursive] : [.makeSlave])
    }

    /// A detached copy of a mount, for another namespace to attach. Linux: open_tree(2)
    public static func openTree(_ path: String, recursive: Bool = true) throws(SystemError) -> FileDescriptor
    {
        FileDescriptor(adopting: try check("open_tree", path) { cs_open_tree(path, recursive ? 1 : 0) })
    }

    /// Attaches a detached mount. Linux: move_mount(2)
    public static func attach(tree: Int32, at target: String) throws(SystemError) {
        try check("move_mount", target) { cs_move_mount(tree, target) }
    }
}
