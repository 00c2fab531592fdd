import System
import Testing

@testable import CLI

@Suite struct DoctorTests {
    @Test(arguments: [
        ("6.1.0-18-cloud-amd64", "ok"), ("5.14.0", "ok"), ("5.13.9", "limited"), ("5.10.0-28", "missing"),
        ("4.19", "missing"),
        ("", "limited"), ("strange", "limited"),
    ])
    func `a kernel is judged by its version`(release: String, verdict: String) {
        #expect(Doctor.kernel(release).verdict.rawValue == verdict)
    }

    @Test(arguments: [(50, "missing"), (500, "limited"), (5000, "ok")])
    func `a disk that is nearly full is told, one that is full is an obstacle`(free: Int, verdict: String) {
        let finding = Doctor.disk(freeMegabytes: free, place: "/somewhere")
        #expect(finding.verdict.rawValue == verdict)
        #expect(finding.next.isEmpty == (verdict == "ok"))
    }

    @Test func `programs of one name are found in the order of the PATH, links counted once`() throws {
        let directory = try Files.temporaryDirectory(prefix: "doctor")
        defer { try? Files.removeTree(directory) }
        for (name, text) in [("a", "x"), ("b", "y")] {
            try Files.makeDirectories("\(directory)/\(name)")
            try Files.write("\(directory)/\(name)/openclaw", Array(text.utf8), mode: 0o755)
        }
        try Files.makeDirectories("\(directory)/c/openclaw")
        try Files.makeDirectories("\(directory)/d")
        try Files.symlink("\(directory)/a/openclaw", at: "\(directory)/d/openclaw")
        let path = ["d", "a", "b", "c", "nowhere"].map { "\(directory)/\($0)" }.joined(separator: ":")
        let found = Doctor.programs(named: "openclaw", path: path)
        #expect(found.map(\.path) == ["\(directory)/d/openclaw", "\(directory)/b/openclaw"])
    }
}
