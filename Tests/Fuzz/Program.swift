// libFuzzer with one of the properties: FUZZ_TARGET says which parser gets the bytes. Built by scripts/fuzz
// only.
import Glibc
import System

/// libFuzzer's own loop. Its `main` cannot be used, because the package manager gives the program one.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ words: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

private let target = FuzzTarget(rawValue: Environment.get("FUZZ_TARGET") ?? "") ?? .policy

/// The name that libFuzzer's library looks for.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do throws(Broken) {
        try target.check(Array(UnsafeBufferPointer(start: start, count: count)))
    } catch {
        // The way in which libFuzzer learns of it, and keeps the input.
        preconditionFailure("\(target.rawValue): \(error)")
    }
    return 0
}

@main
enum Program {
    static func main() {
        var count = CommandLine.argc
        var words = CommandLine.unsafeArgv
        exit(runDriver(&count, &words) { fuzz($0, $1) })
    }
}
