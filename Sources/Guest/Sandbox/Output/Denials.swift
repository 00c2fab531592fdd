import CSeccomp
import CSystem
import Glibc
import Kit
import System

/// What the layers refused, counted: by layer and object, so that a loop of ten thousand refused calls is one
/// line with its number.
struct Denials {
    private struct Entry {
        var count: Int
        var fields: [String: JSON]
    }

    private var entries: [String: Entry] = [:]
    private var order: [String] = []
    /// Refusals of objects beyond the limit, still counted.
    private var others = 0
    private static let limit = 64
    /// Counts every refusal.
    private(set) var total = 0

    mutating func note(_ layer: String, _ object: String, _ what: String, _ more: [String: JSON] = [:]) {
        total += 1
        let key = "\(layer) \(object)"
        if entries[key] != nil {
            entries[key]?.count += 1
        } else if entries.count < Self.limit {
            var fields = more
            fields["layer"] = .string(layer)
            fields["object"] = .string(object)
            fields["what"] = .string(what)
            entries[key] = Entry(count: 1, fields: fields)
            order.append(key)
        } else {
            others += 1
        }
    }

    var json: [JSON] {
        var list: [JSON] = order.compactMap { key in
            entries[key].map { entry in
                .object(entry.fields.merging(["count": JSON(entry.count)]) { $1 })
            }
        }
        if others > 0 {
            list.append([
                "layer": "any", "object": "others", "count": JSON(others),
                "what": .string("\(others) more refusals of other things"),
            ])
        }
        return list
    }
}

/// Answers the calls that the filter refuses. Linux: seccomp_unotify(2)
final class RefusedCalls {
    let listener: SharedDescriptor
    private let kind: SandboxPolicy.Filter
    private var request: UnsafeMutablePointer<seccomp_notif>?
    private var response: UnsafeMutablePointer<seccomp_notif_resp>?

    init(listener: SharedDescriptor, kind: SandboxPolicy.Filter) {
        (self.listener, self.kind) = (listener, kind)
    }

    deinit { seccomp_notify_free(request, response) }

    /// One call; false when the listener has nothing more, ever.
    func answer(_ denials: inout Denials) -> Bool {
        // At the first refusal, because most calls have none and the library asks the kernel for sizes.
        if request == nil { seccomp_notify_alloc(&request, &response) }
        guard let request, let response else { return false }
        memset(request, 0, MemoryLayout<seccomp_notif>.size)
        // A caller that was killed meanwhile is no error, and an interrupted one asks again.
        guard seccomp_notify_receive(listener.raw, request) == 0 else { return true }
        let call = request.pointee
        let name = Self.name(of: call.data.nr)
        // A call that this library has no name for is newer than it: for the program it does not exist.
        let code = name == nil ? ENOSYS : SystemCallFilter.error(of: name ?? "", under: kind)
        let object = describe(call, name ?? "system call \(call.data.nr)")
        memset(response, 0, MemoryLayout<seccomp_notif_resp>.size)
        response.pointee.id = call.id
        response.pointee.error = -code
        guard seccomp_notify_respond(listener.raw, response) == 0 else { return true }
        if name != nil {
            denials.note(
                "seccomp", object, "\(object) was refused (\(SystemError(call: "", code: code).name))",
                [
                    "syscall": .string(name ?? ""), "errno": .string(SystemError(call: "", code: code).name),
                    "probe": JSON(SystemCalls.probes.contains(name ?? "") && object != "socket AF_VSOCK"),
                ])
        }
        return true
    }

    private static func name(of number: Int32) -> String? {
        guard let text = seccomp_syscall_resolve_num_arch(seccomp_arch_native(), number) else { return nil }
        defer { free(text) }
        return String(cString: text)
    }

    /// The call with the argument that says most. Only for words: the memory may change under our eyes.
    private func describe(_ call: seccomp_notif, _ name: String) -> String {
        let arguments = call.data.args
        switch name {
        case "socket":
            let number = arguments.0 & 0xFFFF_FFFF
            let family = (SystemCalls.families + SystemCalls.commonFamilies).first { $0.number == number }
            return "socket AF_\(family?.name ?? String(number))"
        case "mount", "move_mount":
            return "\(name) \(text(call, name == "mount" ? arguments.1 : arguments.3))"
        case "umount2", "chroot", "pivot_root", "swapon", "swapoff", "acct", "fsopen":
            return "\(name) \(text(call, arguments.0))"
        case "ioctl": return "ioctl 0x\(String(arguments.1, radix: 16))"
        default: return name
        }
    }

    private func text(_ call: seccomp_notif, _ address: UInt64) -> String {
        var bytes = [UInt8](repeating: 0, count: 128)
        let count = cs_read_memory(pid_t(bitPattern: call.pid), address, &bytes, bytes.count)
        guard count > 0 else { return "?" }
        let text = bytes.prefix(count).prefix { $0 != 0 }.map { $0 < 0x20 || $0 == 0x7F ? 0x3F : $0 }
        return String(decoding: text, as: UTF8.self)
    }
}
