// A kernel of the host that guests can boot.
import Glibc
import System

/// A kernel image and its modules.
struct Kernel: Sendable, Hashable {
    var path: String
    /// What `uname -r` says in a guest that runs it.
    var release: String
    /// Where its modules are.
    var modules: String

    /// What a guest needs that may not be built in.
    static let wanted = [
        "virtio_mmio", "virtio_net", "virtiofs", "virtio_console", "virtio_blk", "overlay", "ext4",
    ]
    /// What a guest with an image needs besides; one of them is enough.
    static let imageFileSystems = ["erofs", "squashfs"]

    /// What a guest needs that calls its host by vsock.
    static let vsock = ["vmw_vsock_virtio_transport"]

    /// The kernel that `AEGIS_KERNEL` names, else the newest of the distribution's kernels for clouds,
    /// which are small, else the newest of all.
    static func find() throws(PlatformError) -> Kernel {
        if let path = Environment.get("AEGIS_KERNEL"), !path.isEmpty {
            guard let release = release(of: path) else {
                throw PlatformError("no_kernel", "AEGIS_KERNEL=\(path) is no kernel that boots here")
            }
            return Kernel(path: path, release: release, modules: modules(beside: path, release))
        }
        var found: [Kernel] = []
        for name in (try? Files.list("/boot")) ?? [] where name.hasPrefix("vmlinuz-") {
            let release = String(name.dropFirst("vmlinuz-".count))
            let kernel = Kernel(
                path: "/boot/\(name)", release: release, modules: "/lib/modules/\(release)")
            if Files.exists("\(kernel.modules)/modules.dep"), (try? Files.open(kernel.path)) != nil {
                found.append(kernel)
            }
        }
        let sorted = found.sorted { order($0.release).lexicographicallyPrecedes(order($1.release)) }
        guard let best = sorted.last(where: { $0.release.contains("cloud") }) ?? sorted.last else {
            throw PlatformError(
                "no_kernel", "there is no kernel with its modules in /boot that this user may read",
                hint: "apt-get install linux-image-cloud-amd64, or set AEGIS_KERNEL")
        }
        return best
    }

    /// A kernel that `make kernel` built has the list of its drivers beside it, and no modules.
    private static func modules(beside path: String, _ release: String) -> String {
        let directory = Files.parent(of: path)
        return Files.exists("\(directory)/modules.builtin") ? directory : "/lib/modules/\(release)"
    }

    /// Versions sort by their numbers.
    static func order(_ release: String) -> [Int] {
        release.split { !$0.isNumber }.compactMap { Int($0) }
    }

    /// The version text in the header of a bzImage. Linux: Documentation/arch/x86/boot.rst
    static func release(of path: String) -> String? {
        guard let file = try? Files.open(path), let head = try? IO.read(file.raw, 65536) else { return nil }
        return release(inHeader: head)
    }

    static func release(inHeader head: [UInt8]) -> String? {
        guard head.count > 0x210, Array(head[0x202..<0x206]) == Array("HdrS".utf8) else { return nil }
        let offset = Int(head[0x20E]) + Int(head[0x20F]) << 8 + 0x200
        guard offset < head.count else { return nil }
        let text = head[offset...].prefix { $0 != 0x20 && $0 != 0 }
        return text.isEmpty ? nil : String(decoding: text, as: UTF8.self)
    }

    // MARK: Modules

    /// The module files to load, relative to the modules' directory, each behind what it needs.
    func moduleFiles(_ names: [String]) throws(PlatformError) -> [String] {
        let (dependencies, builtin): (String, String)
        do throws(SystemError) {
            builtin = (try? Files.readText("\(modules)/modules.builtin", limit: 4 << 20)) ?? ""
            // A kernel without modules has no list of what they need.
            let needsList = Files.exists("\(modules)/modules.dep") || builtin.isEmpty
            dependencies = try needsList ? Files.readText("\(modules)/modules.dep", limit: 16 << 20) : ""
        } catch {
            throw PlatformError(
                "no_kernel", "read the modules of \(release): \(error)",
                hint: "apt-get install --reinstall linux-image-cloud-amd64")
        }
        let (files, missing) = Self.resolve(names, dependencies: dependencies, builtin: builtin)
        guard missing.isEmpty else {
            throw PlatformError(
                "no_kernel", "the kernel \(release) has no \(missing.joined(separator: ", "))",
                hint: "use the distribution's kernel for clouds, or image/kernel.config")
        }
        return files
    }

    /// Reads modules.dep(5), whose lines name a module and all that it needs, the most basic last. Pure.
    static func resolve(
        _ names: [String], dependencies: String, builtin: String
    ) -> (files: [String], missing: [String]) {
        var lines: [String: (file: String, needs: [String])] = [:]
        for line in dependencies.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard let file = parts.first else { continue }
            let needs = parts.count > 1 ? parts[1].split(separator: " ").map(String.init) : []
            lines[name(of: String(file))] = (String(file), needs)
        }
        let inside = Set(builtin.split(separator: "\n").map { name(of: String($0)) })
        var (files, missing): ([String], [String]) = ([], [])
        for wanted in names {
            guard let line = lines[wanted] else {
                if !inside.contains(wanted) { missing.append(wanted) }
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
