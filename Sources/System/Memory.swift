// The memory of this process.
import CSystem
import Glibc

/// Calls on memory as a whole.
public enum Memory {
    /// Keeps every page that this process has or will have out of the swap. Linux: mlockall(2) MCL_CURRENT,
    /// MCL_FUTURE, MCL_ONFAULT
    ///
    /// Only with an unlimited RLIMIT_MEMLOCK: under a lower one later allocations would fail, at any place.
    public static func lockAll() throws(SystemError) {
        if (try? Limits.set(.lockedBytes, soft: Limits.unlimited, hard: Limits.unlimited)) == nil {
            let now = try Limits.get(.lockedBytes)
            guard now.hard == Limits.unlimited else {
                throw SystemError(call: "mlockall", operand: "RLIMIT_MEMLOCK \(now.hard)", code: EPERM)
            }
            try Limits.set(.lockedBytes, soft: now.hard, hard: now.hard)
        }
        try check("mlockall") { mlockall(1 | 2 | 4) }
    }
}
