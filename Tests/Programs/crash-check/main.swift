// Dies in one of the ways that `Tests/System/CrashRecordTests.swift` looks at. A program of its own, because
// Swift Testing's exit tests wait for any child of the test process, and never come back while another one is
// a zombie.
import Glibc
import System

let way = CommandLine.arguments.dropFirst().first ?? ""
let file = try Files.open("/dev/stderr", O_WRONLY | O_APPEND).shared()
switch way {
case "in-hand":
    try CrashRecord.start(file)
    CrashRecord.holding("other") {}
    CrashRecord.holding("s outer") {
        CrashRecord.holding("s inner\nforged 1") {}
        raise(SIGILL)
    }
case "deep":
    try CrashRecord.start(file)
    @Sendable func deep(_ depth: Int) -> Int { depth < 0 ? 0 : 1 + deep(depth + 1) &* 3 }
    Worker.start("deep", stackBytes: 1 << 16) { CrashRecord.holding("s deep") { _ = deep(0) } }.join()
case "becomes":
    try CrashRecord.start(file, then: ["/bin/sh", "-c", "exit $0", "7"])
    CrashRecord.holding("s work") { _ = raise(SIGABRT) }
case "ends":
    try CrashRecord.start(file, then: ["/bin/sh", "-c", "exit $0", "7"])
    raise(SIGTRAP)
default: exit(64)
}
