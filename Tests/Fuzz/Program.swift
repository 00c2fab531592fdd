// What libFuzzer calls: one function, and FUZZ_TARGET says which parser gets the bytes. Built by
// scripts/fuzz only.
import Glibc
import System

private let target = FuzzTarget(rawValue: Environment.get("FUZZ_TARGET") ?? "") ?? .policy

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafeRawPointer, _ count: Int) -> CInt {
    do throws(Broken) {
        try target.check(Array(UnsafeRawBufferPointer(start: start, count: count)))
    } catch {
        // The way in which libFuzzer learns of it, and keeps the input.
        preconditionFailure("\(target.rawValue): \(error)")
    }
    return 0
}
