// The first file system of a guest: the harness, the modules, and nothing else.
import Kit
import System

/// Makes the initial memory file system, without root and without any tool, and keeps it under the digest
/// of what it was made of.
struct Initramfs: Sendable {
    let kernel: Kernel
    /// What this kind of machine needs besides.
    let modules: [String]
    /// The kit's harness, which becomes PID 1.
    let harness: String
    /// Where it is kept.
    let directory: String

    private static let moduleBytes = 64 << 20

    /// The path of the archive, made when it is not there yet.
    func path() throws(PlatformError) -> String {
        let hasImageFileSystem = Kernel.imageFileSystems.first { name in
            (try? kernel.moduleFiles([name])) != nil
        }
        let files = try kernel.moduleFiles(Kernel.wanted + (hasImageFileSystem.map { [$0] } ?? []) + modules)
        var entries: [Archive.Entry] = [
            .directory("dev", mode: 0o755), .device("dev/console", mode: 0o600, major: 5, minor: 1),
            .directory("modules", mode: 0o755),
        ]
        var order = ""
        do throws(SystemError) {
            for (index, file) in files.enumerated() {
                let name = "\(index < 10 ? "0" : "")\(index)-\(ModuleList.name(of: file)).ko"
                order += name + "\n"
                entries.append(
                    .file("modules/\(name)", mode: 0o644, bytes: try Self.module("\(kernel.modules)/\(file)"))
                )
            }
            entries.append(.file("modules/order", mode: 0o644, bytes: Array(order.utf8)))
            entries.append(
                .file("init", mode: 0o755, bytes: try Files.read(harness, limit: Self.moduleBytes)))
            let bytes = Archive(entries).bytes
            let path = "\(directory)/initramfs-\(Digest.sha256Hex(bytes).prefix(32)).cpio"
            if Files.exists(path) { return path }
            try Files.makeDirectories(directory)
            // Readable for the jail, whose root is nobody out here.
            try Files.writeAtomically(path, bytes, mode: 0o644)
            return path
        } catch {
            throw PlatformError("boot", "make the first file system of guests: \(error)")
        }
    }

    /// A module as the kernel takes it. Distributions pack theirs in one of two ways, or not at all.
    private static func module(_ path: String) throws(SystemError) -> [UInt8] {
        for (suffix, program) in [(".xz", "xz"), (".zst", "zstd")] where path.hasSuffix(suffix) {
            let outcome = try Spawn.run(
                Spawn.Command([program, "-dc", path], stdout: .capture(limit: moduleBytes)))
            guard outcome.status.isSuccess else {
                throw SystemError(call: program, operand: path, code: 22)
            }
            return outcome.stdout
        }
        return try Files.read(path, limit: moduleBytes)
    }
}
