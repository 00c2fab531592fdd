// What modules a kernel has, and what each needs.
import Kit
import Synchronization
import System

/// The lists that depmod(8) leaves beside a kernel's modules, read once for as long as they stay the same:
/// with some thousand lines they would be most of what a question about this machine costs.
struct ModuleList: Sendable {
    private struct Line: Sendable {
        var file: String
        /// The most basic last. modules.dep(5)
        var needs: [String]
    }

    private let lines: [String: Line]
    private let builtin: Set<String>

    private static let known = Mutex<[String: (stamp: [Int64], list: ModuleList)]>([:])

    init(dependencies: String, builtin: String) {
        var lines: [String: Line] = [:]
        for line in dependencies.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard let file = parts.first else { continue }
            let needs = parts.count > 1 ? parts[1].split(separator: " ").map(String.init) : []
            lines[Self.name(of: String(file))] = Line(file: String(file), needs: needs)
        }
        self.lines = lines
        self.builtin = Set(builtin.split(separator: "\n").map { Self.name(of: String($0)) })
    }

    static func of(_ kernel: Kernel) throws(PlatformError) -> ModuleList {
        let (dependencies, builtin) = ("\(kernel.modules)/modules.dep", "\(kernel.modules)/modules.builtin")
        let stamp = [dependencies, builtin].flatMap { path -> [Int64] in
            (try? Files.status(path)).map { [$0.modifiedNanoseconds, Int64($0.size)] } ?? [0, 0]
        }
        if let (known, list) = known.withLock({ $0[kernel.modules] }), known == stamp { return list }
        do throws(SystemError) {
            let inside = (try? Files.readText(builtin, limit: 4 << 20)) ?? ""
            // A kernel without modules has no list of what they need.
            let needsList = Files.exists(dependencies) || inside.isEmpty
            let list = ModuleList(
                dependencies: try needsList ? Files.readText(dependencies, limit: 16 << 20) : "",
                builtin: inside)
            known.withLock { $0[kernel.modules] = (stamp, list) }
            return list
        } catch {
            throw PlatformError(
                "no_kernel", "read the modules of \(kernel.release): \(error)",
                hint: "apt-get install --reinstall linux-image-cloud-amd64")
        }
    }

    /// The files of these modules, each behind what it needs, and the names that are nowhere. Pure.
    func resolve(_ names: [String]) -> (files: [String], missing: [String]) {
        var (files, missing): ([String], [String]) = ([], [])
        for wanted in names {
            guard let line = lines[wanted] else {
                if !builtin.contains(wanted) { missing.append(wanted) }
                continue
            }
            for file in line.needs.reversed() + [line.file] where !files.contains(file) { files.append(file) }
        }
        return (files, missing)
    }

    /// A module's name: the file's, without what it is packed as, and with one kind of dash.
    static func name(of file: String) -> String {
        let base = file.split(separator: "/").last.map(String.init) ?? file
        let stem = base.split(separator: ".").first.map(String.init) ?? base
        return String(stem.map { $0 == "-" ? "_" : $0 })
    }
}
