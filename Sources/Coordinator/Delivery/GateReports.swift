// What the tests of a gate left of JUnit reports: taken out of the guest, kept as they are, and counted.
public import Kit
import System

/// The reports of one gate. Everything in the directory was written by whoever wrote the tests.
public struct GateReports: Sendable {
    private let source: String
    private let target: String

    /// - Parameters:
    ///   - source: Where the guest put them.
    ///   - target: Where they are kept; made when there are any.
    public init(from source: String, to target: String) { (self.source, self.target) = (source, target) }

    /// Where a session keeps the reports of a tree.
    public static func directory(_ sessionDirectory: String, tree: String) -> String {
        "\(sessionDirectory)/junit/\(tree.prefix(40))"
    }

    /// Runs its first argument and then copies what the run wrote and looks like a report to the directory in
    /// OPENCLAW_REPORTS, where a run may also write itself. The exit code is the run's.
    public static let script = """
        mark=/tmp/.gate-begun; : >"$mark"
        /bin/bash -c "$1"; code=$?
        number=0
        find . -xdev -type f -name '*.xml' -newer "$mark" -size -16384 -print0 2>/dev/null | head -z -n 200 |
        while IFS= read -r -d '' file; do
            head -c 4096 -- "$file" | grep -q '<testsuite' || continue
            number=$((number + 1))
            name=$(basename -- "$file" | tr -c 'A-Za-z0-9._\\n-' _)
            cp -- "$file" "$OPENCLAW_REPORTS/$(printf %03d "$number")-$name" || break
        done
        exit "$code"
        """

    /// Takes them, and counts; nil when nothing looked like tests.
    /// - Parameter output: What the run printed: read when there is no report.
    public func collect(output: String) throws(DeliveryError) -> GateTests? {
        let found = take()
        if !found.isEmpty { try keep(found) }
        let texts = found.map { String(decoding: $0.bytes, as: UTF8.self) }
        guard let results = TestResults.read(output: output, reports: texts) else { return nil }
        return GateTests(
            format: results.format, passed: results.passed, failed: results.failed, skipped: results.skipped,
            files: found.map {
                .init(name: $0.name, bytes: $0.bytes.count, sha256: Digest.sha256Hex($0.bytes))
            })
    }

    /// Plain files with plain names; a link, a pipe, and what passes a limit is left out.
    private func take() -> [(name: String, bytes: [UInt8])] {
        var total = 0
        var found: [(String, [UInt8])] = []
        for name in ((try? Files.list(source)) ?? []).sorted() {
            guard found.count < Limits.reportFiles, Self.isPlain(name),
                let bytes = try? Self.read("\(source)/\(name)"), !bytes.isEmpty,
                total + bytes.count <= Limits.reportTotalBytes
            else { continue }
            total += bytes.count
            found.append((name, bytes))
        }
        return found
    }

    private static func isPlain(_ name: String) -> Bool {
        name.hasSuffix(".xml") && name.utf8.count <= 120 && Artifact.isName(name)
    }

    private static func read(_ path: String) throws(SystemError) -> [UInt8] {
        let file = try Files.openRegular(path)
        return try IO.readAll(file.raw, limit: Limits.reportBytes)
    }

    private func keep(_ files: [(name: String, bytes: [UInt8])]) throws(DeliveryError) {
        try delivering("keep test reports in \(target)") { () throws(SystemError) in
            // Those of an earlier run on the same tree give way: names must be of one run.
            try Files.removeTree(target)
            try Files.makeDirectories(target, mode: 0o700)
            for file in files { try Files.writeAtomically("\(target)/\(file.name)", file.bytes) }
        }
    }
}
