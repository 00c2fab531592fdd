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
        let (files, missing) = try ModuleList.of(self).resolve(names)
        guard missing.isEmpty else {
            throw PlatformError(
                "no_kernel", "the kernel \(release) has no \(missing.joined(separator: ", "))",
                hint: "use the distribution's kernel for clouds, or image/kernel.config")
        }
        return files
    }
}
