import Kit
import Synchronization
import System

@testable import Delivery

/// What a person has in their configuration of git, for the repositories of one fixture alone: tests run
/// side by side, and all see the same file.
enum Person {
    private static let file = Mutex<String?>(nil)

    /// - Parameter settings: As they stand in a file.
    static func has(_ settings: String, in fixture: Fixture) throws {
        let own = "\(fixture.directory)/gitconfig"
        try Files.write(own, Array(settings.utf8))
        let text = "[includeIf \"gitdir:\(fixture.directory)/\"]\n\tpath = \(own)\n"
        try file.withLock { file in
            if file == nil {
                let path = "\(try Files.temporaryDirectory(prefix: "person"))/gitconfig"
                Environment.set("GIT_CONFIG_GLOBAL", path)
                file = path
            }
            guard let file else { return }
            try Files.append(file, Array(text.utf8))
        }
    }
}

extension Fixture {
    /// A session whose branch is one commit ahead of its base, and that commit.
    func finished(_ files: [String: String] = ["c.txt": "c"]) throws -> (SessionRepository, String) {
        let repository = try create()
        let work = try publish(files, on: repository.base, agent: "coder-1", task: "t1", repository)
        guard case .merged(let merged, _) = try merge(work, into: repository.base, repository) else {
            throw Failure(text: "not merged")
        }
        _ = try repository.advance(from: repository.base, to: merged)
        return (repository, merged)
    }
}
