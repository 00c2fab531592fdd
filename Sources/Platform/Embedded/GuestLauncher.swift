// From nothing to a process that is a guest, or holds one.
import Glibc
import Kit
import System

/// Starts the launcher of a guest and hears from it that PID 1 runs.
struct GuestLauncher {
    struct Started {
        let launcher: Child
        /// PID 1 of the guest, or of the jail around its machine, in our pid namespace.
        let pid: Int32
        /// The control channel, or, for a machine that calls by vsock, what tells the launcher that the
        /// platform lives.
        let control: SharedDescriptor
        /// Where the machine will call.
        let vsock: VsockLine?
        /// The socket to QEMU's monitor, when it is a machine.
        let monitor: SharedDescriptor?
        /// What holds the guest from outside, where there is such a thing.
        let group: GuestGroup?
    }

    let ground: Guest.Ground
    let id: String
    let directory: String

    /// Bytes of a guest's console that go into an error.
    private static let lastWordBytes = 2000

    func start() throws(PlatformError) -> Started {
        do throws(SystemError) {
            for part in ["root", "share/workspace", "stage"] {
                try Files.makeDirectories("\(directory)/\(part)")
            }
            try Mounts.bind("\(directory)/share", "\(directory)/share")
            try Mounts.makeShared("\(directory)/share")
            try Mounts.bind("\(directory)/stage", "\(directory)/stage")
            try Mounts.makePrivate("\(directory)/stage")
        } catch {
            Guest.removeDirectory(directory)
            throw PlatformError("boot", "make the directory of a guest: \(error)")
        }
        let group = ground.groups.make(id, size: ground.isolation.isMachine ? nil : ground.size)
        do throws(PlatformError) {
            let vsock = ground.isolation.isMachine ? ground.machine.vsockLine() : nil
            var configuration = try configuration(vsock)
            configuration["cgroup"] = group.map { .string($0.path) }
            return try launch(configuration, group, vsock)
        } catch {
            group?.remove()
            Guest.removeDirectory(directory)
            throw error
        }
    }

    private func launch(
        _ configuration: JSON, _ group: GuestGroup?, _ vsock: VsockLine?
    ) throws(PlatformError) -> Started {
        do throws(SystemError) {
            let (ours, theirs) = try Sockets.socketPair().split()
            let status = try IO.pipe().split()
            let monitor = ground.isolation.isMachine ? try Sockets.socketPair().split() : nil
            let output = try Files.open("\(directory)/log", O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
            var descriptors = [(parent: theirs.raw, child: Int32(3)), (status.writer.raw, 4)]
            if let monitor { descriptors.append((monitor.1.raw, 5)) }
            if let vsock { descriptors.append((vsock.device.raw, 6)) }
            let launcher = try Spawn.start(
                Spawn.Command(
                    ["\(ground.kit)/guest/openclaw-harness", "launch"],
                    environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"], workingDirectory: "/",
                    stdin: .pipe, stdout: .descriptor(output.raw), stderr: .descriptor(output.raw),
                    descriptors: descriptors))
            status.writer.close()
            theirs.close()
            monitor?.1.close()
            if let stdin = launcher.stdin {
                try IO.writeAll(stdin.raw, configuration.serialized())
                stdin.close()
            }
            let answer = String(decoding: try IO.readAll(status.reader.raw, limit: 65536), as: UTF8.self)
            guard answer.hasPrefix("started "), let pid = Int32(answer.dropFirst(8).prefix { $0.isNumber })
            else {
                try? launcher.kill(SIGKILL)
                _ = try? launcher.wait()
                throw SystemError(call: "launch: \(answer)", operand: id, code: ECHILD)
            }
            return Started(
                launcher: launcher, pid: pid, control: ours, vsock: vsock, monitor: monitor?.0,
                group: group)
        } catch {
            throw PlatformError(
                "boot", "boot a guest: \(error) \(Self.lastWords(directory))",
                hint: "openclaw doctor says what this machine lacks")
        }
    }

    private func configuration(_ vsock: VsockLine?) throws(PlatformError) -> JSON {
        let map: JSON = [[0, JSON(Int64(ground.ids.base)), JSON(Int64(ground.ids.count))]]
        var configuration: JSON = [
            "instance_id": .string(id), "hostname": .string("agent-\(id)"),
            "root": .string("\(directory)/root"), "share": .string("\(directory)/share"),
            "binaries": .string("\(ground.kit)/guest"), "uid_map": map, "gid_map": map,
            "deny_setgroups": JSON(ground.ids.count == 1),
        ]
        if ground.isolation.isMachine {
            var machine = try ground.machine.plan(
                ground.isolation, kit: ground.kit, place: directory, owner: ground.ids.base,
                size: ground.size,
                vsock: vsock)
            machine["monitor"] = true
            configuration["machine"] = machine
        }
        return configuration
    }

    /// The end of what launcher, machine and kernel wrote.
    static func lastWords(_ directory: String) -> String {
        let text = (try? Files.readText("\(directory)/log", limit: 16 << 20)) ?? ""
        return String(text.suffix(lastWordBytes))
    }
}
