// openclaw session ID --export-html FILE and --export-ag-ui [FILE].
import Kit
import Service
import System

/// Writes a session down for those who were not there.
struct SessionExport {
    let client: CoordinatorClient
    let id: String
    let path: String

    /// The app and the log in one file that needs neither server nor network.
    func html(to file: String) throws(CLIError) {
        let folder = "\(client.home.kit)/canvas"
        let page: [UInt8]
        do {
            var document: JSON = ["events": .array(try events())]
            document["summary"] = try client.call("GET", path)
            for name in ["diff", "cost", "verify"] {
                document[name] = try client.call("GET", "\(path)/\(name)")
            }
            document["logs"] = try client.call("GET", "\(path)/output")
            page = try HTMLReplay.page(
                index: try Files.read("\(folder)/index.html"), script: try Files.read("\(folder)/app.js"),
                document: redactor.redact(document))
        } catch let error as CLIError {
            throw error
        } catch let error as SystemError {
            throw CLIError(
                .failed, "read the app: \(error)",
                hint: "the kit must have it: scripts/build, then openclaw kit install dist/kit")
        } catch {
            throw CLIError(.failed, "make the page of \(id): \(error)")
        }
        try write(page, to: file)
    }

    /// One AG-UI event a line.
    func agui(to file: String?) throws(CLIError) {
        var export = AGUIExport()
        let redactor = redactor
        var lines: [UInt8] = []
        for event in try events() {
            for json in export.receive(event) { lines += redactor.redact(json).serialized() + [0x0A] }
        }
        for json in export.end() { lines += json.serialized() + [0x0A] }
        guard let file else { return Terminal.write(String(decoding: lines, as: UTF8.self), to: 1) }
        try write(lines, to: file)
    }

    private var redactor: ExportRedactor { ExportRedactor(names: [Environment.homeDirectory(): "~"]) }

    private func events() throws(CLIError) -> [JSON] {
        var events: [JSON] = []
        try client.follow("\(path)/events") { event in
            if event["seq"] != nil { events.append(event) }
            return true
        }
        return events
    }

    private func write(_ bytes: [UInt8], to file: String) throws(CLIError) {
        do throws(SystemError) {
            try Files.writeAtomically(file, bytes)
        } catch {
            throw CLIError(.failed, "write \(file): \(error)")
        }
    }
}
