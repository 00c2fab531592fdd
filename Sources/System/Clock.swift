// Time and chance.
import CSystem
import Glibc

/// The clocks of the kernel. Linux: clock_gettime(2)
public enum Clock {
    /// Unix time in milliseconds; the time that goes over the wire.
    public static func wallMilliseconds() -> Int64 { nanoseconds(CLOCK_REALTIME) / 1_000_000 }
    /// Never goes back, stands still while the machine sleeps.
    public static func monotonicNanoseconds() -> Int64 { nanoseconds(CLOCK_MONOTONIC) }
    /// Since boot, sleep included.
    public static func bootNanoseconds() -> Int64 { nanoseconds(CLOCK_BOOTTIME) }
    /// CPU time of this process, all threads.
    public static func processNanoseconds() -> Int64 { nanoseconds(CLOCK_PROCESS_CPUTIME_ID) }

    private static func nanoseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        // Fails only for a clock that does not exist; these four always do.
        _ = clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

/// Bytes of the kernel's generator. Linux: getrandom(2)
public enum Random {
    /// `count` unpredictable bytes.
    public static func bytes(_ count: Int) -> [UInt8] {
        // Swift's generator reads getrandom(2) on Linux and traps if it could ever return less.
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    /// `count` bytes as 2 × `count` lower-case hexadecimal digits.
    public static func hex(_ count: Int) -> String {
        let digits = Array("0123456789abcdef".utf8)
        let text = bytes(count).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return String(decoding: text, as: UTF8.self)
    }
}
