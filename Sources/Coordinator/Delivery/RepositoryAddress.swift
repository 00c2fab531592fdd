// REPO#REF:SUBDIRECTORY, as people write it.

/// A repository, where in its history, and where in its tree.
public struct RepositoryAddress: Sendable, Hashable {
    /// A path or a URL.
    public var place: String
    /// Branch, tag or commit; nil for what is checked out, or a remote's default branch.
    public var ref: String?
    /// Below the top of the repository; nil for the top.
    public var subdirectory: String?

    public init(place: String, ref: String? = nil, subdirectory: String? = nil) {
        (self.place, self.ref, self.subdirectory) = (place, ref, subdirectory)
    }

    /// Takes an address apart: `.#main:services/api`, `github.com/org/repo#v2`, `.#:docs`.
    /// - Parameter exists: Whether there is a file of a name; such a name is a place as a whole.
    public init(_ text: String, exists: (String) -> Bool = { _ in false }) {
        guard let mark = text.lastIndex(of: "#"), mark != text.startIndex, !exists(text) else {
            self.init(place: text)
            return
        }
        let parts = text[text.index(after: mark)...].split(
            separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let ref = parts.first.map(String.init) ?? ""
        let directory = parts.count == 2 ? String(parts[1]) : ""
        self.init(
            place: String(text[..<mark]), ref: ref.isEmpty ? nil : ref,
            subdirectory: directory.isEmpty ? nil : directory)
    }

    /// A directory below the top, without slashes at its ends; nil when it would lead anywhere else.
    public static func plain(_ directory: String) -> String? {
        let parts = directory.split(separator: "/")
        let isPlain = parts.allSatisfy { part in
            part != "." && part != ".." && part.lowercased() != ".git" && !part.hasPrefix(":")
                && part.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
        }
        return isPlain && !parts.isEmpty && directory.utf8.count <= 1000 ? parts.joined(separator: "/") : nil
    }
}
