// Which ids the guests of root get, so that no other user of the machine has them, too. Linux: subuid(5)
import System

/// A range of user and group ids for guests, the same numbers for both.
///
/// Whoever has an id in /etc/subuid can become it, and signal every process of it. So the ids of root's
/// guests are ones that root was given, or that nobody was.
public struct SubordinateIDs: Sendable, Hashable {
    public let base: UInt32
    public let count: UInt32
    /// To whom they belong as well; nil when to nobody.
    public let sharedWith: String?

    /// What a guest needs at least: harness, agent and tools, and the files of a distribution.
    private static let least: UInt32 = 2000
    private static let usual: UInt32 = 65_536
    /// Where no distribution gives ids away: behind those of containers (systemd's UIDS-GIDS), below 2³¹.
    private static let unclaimed: UInt32 = 0x7000_0000
    /// Where useradd begins; tried when our own user namespace has no higher ones.
    private static let first: UInt32 = 100_000

    /// One line of a file.
    struct Range: Sendable, Hashable {
        var owner: String
        var start: UInt64
        var count: UInt64

        func overlaps(_ base: UInt32, _ count: UInt32) -> Bool {
            start < UInt64(base) + UInt64(count) && UInt64(base) < start + self.count
        }
    }

    /// Reads `NAME:START:COUNT` lines; others are passed over.
    static func ranges(_ text: String) -> [Range] {
        text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            guard fields.count == 3, !fields[0].isEmpty, let start = UInt32(fields[1]),
                let count = UInt32(fields[2])
            else { return nil }
            return Range(owner: String(fields[0]), start: UInt64(start), count: UInt64(count))
        }
    }

    /// Of this machine.
    public static func ofRoot() -> SubordinateIDs {
        func text(_ path: String) -> String { (try? Files.readText(path, limit: 1 << 20)) ?? "" }
        return ofRoot(
            users: text("/etc/subuid"), groups: text("/etc/subgid"),
            maps: [text("/proc/self/uid_map"), text("/proc/self/gid_map")])
    }

    /// - Parameter maps: The ids that there are for us; all but the first are outside of our user namespace.
    static func ofRoot(users: String, groups: String, maps: [String]) -> SubordinateIDs {
        let all = [ranges(users), ranges(groups)]
        func isThere(_ base: UInt32, _ count: UInt32) -> Bool {
            maps.allSatisfy { map in
                map.split(separator: "\n").contains { line in
                    let numbers = line.split(separator: " ").compactMap { UInt64($0) }
                    return numbers.count == 3 && numbers[0] <= UInt64(base)
                        && UInt64(base) + UInt64(count) <= numbers[0] + numbers[2]
                }
            }
        }
        func stranger(_ base: UInt32, _ count: UInt32) -> String? {
            all.joined().first { !isRoot($0) && $0.overlaps(base, count) }?.owner
        }
        // Root's own, if it is the same for users and groups.
        for range in all[0] where isRoot(range) && range.count >= UInt64(least) {
            guard
                all[1].contains(where: { isRoot($0) && $0.start == range.start && $0.count == range.count }),
                let base = UInt32(exactly: range.start), base > 0
            else { continue }
            let count = UInt32(min(range.count, UInt64(usual)))
            if isThere(base, count), stranger(base, count) == nil {
                return SubordinateIDs(base: base, count: count, sharedWith: nil)
            }
        }
        // Else what is nobody's. Every range that is in the way takes one of these out at most, and a next
        // one.
        let tries = UInt32(all.joined().count) + 1
        for start in [unclaimed, first] {
            for step in 0..<min(tries * 2, 4096) {
                let base = start + step * usual
                if isThere(base, usual), stranger(base, usual) == nil {
                    return SubordinateIDs(base: base, count: usual, sharedWith: nil)
                }
            }
        }
        return SubordinateIDs(base: first, count: usual, sharedWith: stranger(first, usual))
    }

    private static func isRoot(_ range: Range) -> Bool { range.owner == "root" || range.owner == "0" }
}
