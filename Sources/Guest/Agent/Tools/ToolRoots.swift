// Where file tools may look and write. The sandbox's mounts say the same again; this is what tells the
// model so.
import Glibc
import System

enum ToolRoots {
    private static let places = ["/workspace", "/tmp"]
    private static let system = ["/usr", "/opt", "/etc", "/var/tmp"]

    private static var here: [String] { (try? Files.workingDirectory()).map { [$0] } ?? [] }

    static var readable: Beneath { Beneath(roots: here + places + system) }
    static var writable: Beneath { Beneath(roots: here + places) }

    /// Runs a call below the roots; leaving them is said in words.
    static func perform<Value>(_ what: String, _ body: () throws(SystemError) -> Value) throws(ToolProgram
        .Problem)
        -> Value
    {
        do throws(SystemError) {
            return try body()
        } catch {
            guard error.code == EXDEV else {
                throw ToolProgram.Problem("Cannot \(what): \(error)", refusal: error)
            }
            throw ToolProgram.Problem(
                "Cannot \(what): it is, or leads by a symbolic link, outside of the directories of this "
                    + "role.", refusal: error)
        }
    }
}
