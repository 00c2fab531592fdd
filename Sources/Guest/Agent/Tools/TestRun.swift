import Glibc
import Kit
import System

/// Runs a test command and reads what it printed and which reports it left. The exit code of this program is
/// the command's: that is what counts, whatever the output claims.
enum TestRun {
    /// Bytes of output and of one report that are read.
    private static let outputBytes = 4 << 20
    private static let reportBytes = 8 << 20
    private static let reportLimit = 100

    static func main() -> Int32 {
        guard let bytes = try? IO.readAll(0, limit: 1 << 20), let input = try? JSON.parse(bytes),
            let command = input["command"]?.stringValue
        else { return 125 }
        // A file system's clock may lag behind ours by a tick.
        let start = Clock.wallMilliseconds() * 1_000_000 - 20_000_000
        do {
            let output = try OutputFile("tests")
            let file = try Files.open(output.path, O_WRONLY | O_APPEND)
            let outcome = try Spawn.run(
                Spawn.Command(["/bin/bash", "-c", command], stdout: .descriptor(file.raw), stderr: .merge))
            // Summaries stand at the end.
            let from = max(0, output.size - Int64(outputBytes))
            let bytes = FilePiece.read(output.path, from: from, count: outputBytes) ?? []
            let text = String(decoding: bytes, as: UTF8.self)
            var answer: JSON = ["content": .string(output.shown())]
            if let results = TestResults.read(output: text, reports: reports(since: start)) {
                answer["results"] = json(results)
                answer["content"] = .string(
                    output.shown() + (text.hasSuffix("\n") ? "" : "\n") + words(results))
            }
            try IO.writeAll(1, answer.serialized())
            return outcome.status.shellCode
        } catch {
            try? IO.writeAll(2, Array("run the tests: \(error)\n".utf8))
            return 125
        }
    }

    /// XML files that were written since, and are reports.
    private static func reports(since start: Int64) -> [String] {
        var found: [String] = []
        for path in SearchTools.files(below: ".") where path.hasSuffix(".xml") && found.count < reportLimit {
            guard let status = try? Files.status(path), status.modifiedNanoseconds >= start,
                let text = try? Files.readText(path, limit: reportBytes),
                text.prefix(1000).contains("<testsuite")
            else { continue }
            found.append(text)
        }
        return found
    }

    static func json(_ results: TestResults) -> JSON {
        [
            "format": .string(results.format), "passed": JSON(results.passed), "failed": JSON(results.failed),
            "skipped": JSON(results.skipped),
            "failures": .array(
                results.failures.map { failure in
                    var json: JSON = ["name": .string(failure.name), "message": .string(failure.message)]
                    json["place"] = failure.place.map { .string($0) }
                    return json
                }),
        ]
    }

    static func words(_ results: TestResults) -> String {
        let head =
            "[\(results.format): \(results.passed) passed, \(results.failed) failed, "
            + "\(results.skipped) skipped]"
        let failures = results.failures.prefix(20).map { failure in
            "- \(failure.name)" + (failure.place.map { " at \($0)" } ?? "")
                + (failure.message.isEmpty ? "" : ": \(failure.message)")
        }
        return ([head] + failures).joined(separator: "\n")
    }
}
