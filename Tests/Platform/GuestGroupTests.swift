import Glibc
import System
import Testing

@testable import Platform

@Suite struct GuestGroupTests {
    @Test func `groups are looked for from our own upwards`() {
        #expect(GuestGroups.chain("/a/b") == ["/a/b", "/a", "/"])
        #expect(GuestGroups.chain("/") == ["/"])
    }

    @Test func `the bounds of the manifest become the kernel's`() {
        var size = MachineGround.Size()
        (size.memoryMegabytes, size.processors) = (1024, 2)
        let bounds = GuestGroup.bounds(size).map { "\($0.file) \($0.value)" }
        #expect(
            bounds == [
                "memory.max 1073741824", "memory.swap.max 0", "cpu.max 200000 100000", "pids.max 4096",
            ]
        )
    }

    /// On a host without a hierarchy of version 2 that lets us, there are no groups, and that is said.
    @Test func `what is frozen does nothing, goes on when it is thawed, and dies frozen too`() throws {
        let groups = GuestGroups()
        defer { groups.close() }
        guard groups.controllers != nil else {
            #expect(groups.make("i-1", size: nil) == nil)
            return
        }
        let group = try #require(groups.make("i-1", size: nil))
        let entry = try Files.open("\(group.path)/cgroup.procs", O_WRONLY)
        let loop = Spawn.Command(
            ["sh", "-c", "while :; do :; done"], stdout: .null, stderr: .null, cgroup: entry.raw)
        let child = try Spawn.start(loop)
        func cpu() -> String {
            let stat = (try? Files.readText("/proc/\(child.pid)/stat", limit: 4096)) ?? ""
            return stat.split(separator: " ").dropFirst(13).prefix(2).joined(separator: " ")
        }
        try group.freeze(true)
        let before = cpu()
        let end = Clock.monotonicNanoseconds() + 200_000_000
        while Clock.monotonicNanoseconds() < end { usleep(10_000) }
        #expect(cpu() == before)
        try group.freeze(false)
        let deadline = Clock.monotonicNanoseconds() + 10_000_000_000
        while cpu() == before, Clock.monotonicNanoseconds() < deadline { usleep(10_000) }
        #expect(cpu() != before)
        try group.freeze(true)
        group.remove()
        #expect(try child.wait() == .signalled(SIGKILL))
        #expect(!Files.exists(group.path))
    }
}
