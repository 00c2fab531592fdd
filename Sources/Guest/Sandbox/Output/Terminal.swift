import CSystem
import Glibc
import Kit
import System

/// A pseudo terminal for the tool, from its own /dev/pts. Linux: pty(7), ioctl_tty(2)
struct Terminal {
    let leader: SharedDescriptor
    let follower: SharedDescriptor

    private static let unlock: UInt = 0x4004_5431
    private static let openPeer: UInt = 0x5441
    private static let windowSize: UInt = 0x5414
    private static let becomeControlling: UInt = 0x540E

    /// After the tool's root has been entered.
    /// - Parameter size: Columns and rows.
    init(columns: UInt16, rows: UInt16) throws(SandboxError) {
        let leader = try attempt("open a terminal") { () throws(SystemError) in
            try Files.open("/dev/pts/ptmx", O_RDWR | O_NOCTTY).shared()
        }
        var off: Int32 = 0
        var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        guard cs_ioctl(leader.raw, Self.unlock, &off) == 0, cs_ioctl(leader.raw, Self.windowSize, &size) == 0
        else { throw SandboxError("set up the terminal: \(SystemError(call: "ioctl", code: cs_errno()))") }
        let flags = UnsafeMutableRawPointer(bitPattern: UInt(O_RDWR | O_NOCTTY | O_CLOEXEC))
        let number = cs_ioctl(leader.raw, Self.openPeer, flags)
        guard number >= 0 else {
            throw SandboxError("open the terminal: \(SystemError(call: "ioctl", code: cs_errno()))")
        }
        self.leader = leader
        follower = SharedDescriptor(adopting: number)
    }

    /// In the tool, which leads its session: the terminal is its own, and its three descriptors.
    func take() throws(SandboxError) {
        guard cs_ioctl(follower.raw, Self.becomeControlling, nil) == 0 else {
            throw SandboxError("take the terminal: \(SystemError(call: "ioctl", code: cs_errno()))")
        }
        for number in Int32(0)...2 where dup2(follower.raw, number) < 0 {
            throw SandboxError("take the terminal: \(SystemError(call: "dup2", code: errno))")
        }
    }
}
