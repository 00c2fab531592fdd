import Glibc
import Kit
import System

/// Fences within what is shown: paths that stay read-only inside a writable view, and paths that are hidden.
struct Cover {
    let policy: SandboxPolicy
    /// Lists, because they are short and a set's type takes longer to make than to search them.
    private var bound: [String] = []
    /// Of these, what nothing can be made or changed below any more.
    private var closed: [String] = []
    /// Paths that could not be protected, for the report.
    private(set) var open: [String] = []

    init(policy: SandboxPolicy) { self.policy = policy }

    mutating func make() throws(SandboxError) {
        for path in policy.protected { try protect(path) }
        for path in policy.hidden where Files.exists(path) {
            try attempt("hide \(path)") { () throws(SystemError) in
                if Files.isDirectory(path) {
                    try Mounts.mount(
                        "hidden", path, type: "tmpfs", flags: [.readOnly, .noSetuid, .noDevices],
                        data: "size=4k,mode=000")
                } else {
                    try Mounts.bind("/dev/null", path, readOnly: true)
                }
            }
        }
    }

    /// The writable view that a path is in; nil when it is in none.
    private func view(of path: String) -> String? {
        policy.views.filter { $0.mode != .readOnly && path.hasPrefix($0.target + "/") }.map(\.target)
            .max { $0.utf8.count < $1.utf8.count }
    }

    /// A path that is protected cannot be written, made, moved away, or have its parents moved away: every
    /// directory on the way to it becomes a mount point, which the kernel does not rename or remove.
    private mutating func protect(_ path: String) throws(SandboxError) {
        guard let view = view(of: path) else { return }
        var end = path.utf8.index(path.utf8.startIndex, offsetBy: view.utf8.count)
        while end < path.utf8.endIndex {
            let rest = path.utf8[path.utf8.index(after: end)...]
            end = rest.firstIndex(of: 0x2F) ?? rest.endIndex
            // A doubled slash names nothing.
            if rest.startIndex == end { continue }
            let place = String(path[..<end])
            if closed.contains(place) { return }
            guard let status = try? Files.status(place, followLinks: false) else {
                return try reserve(place, like: view)
            }
            // No mount covers a symbolic link, and a repository may well hold one here.
            if status.isLink { return open.append(path) }
            let isEnd = end == path.utf8.endIndex || !status.isDirectory
            try bind(place, readOnly: isEnd)
            if isEnd { return }
        }
    }

    private mutating func bind(_ place: String, readOnly: Bool) throws(SandboxError) {
        // Twice on one place would hide what was mounted below it the first time.
        guard !bound.contains(place) else { return }
        bound.append(place)
        if readOnly { closed.append(place) }
        try attempt("protect \(place)") { () throws(SystemError) in
            try Mounts.bind(place, place, readOnly: readOnly, recursive: true)
        }
    }

    /// An empty directory, of no use to anybody and covered, where nothing may be made.
    ///
    /// It belongs to the owner of the view, so that whoever tidies up there later can remove it.
    private mutating func reserve(_ place: String, like view: String) throws(SandboxError) {
        try attempt("keep \(place) from being made") { () throws(SystemError) in
            let owner = try Files.status(view)
            try Files.makeDirectories(place)
            // A user that does not exist in this namespace owns nothing that we could give.
            try? Files.chown(place, user: owner.user, group: owner.group)
        }
        try bind(place, readOnly: true)
    }
}
