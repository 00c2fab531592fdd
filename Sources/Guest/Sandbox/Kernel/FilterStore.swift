// Filters that were compiled when this program was built: libseccomp takes longer to make one than the kernel
// takes to make every namespace.
import Glibc
import Kit
import System

/// The file beside the program that holds its filters. `openclaw-sandbox --write-filters FILE` makes it, as
/// the last step of a build; without it, or with one of other rules, libseccomp compiles at run time.
///
/// Who could change the file could change the program, which lies in the same directory.
enum FilterStore {
    /// The kernel's own bound (BPF_MAXINSNS) in bytes.
    static let longestProgram = 4096 * 8
    private static let magic = Array("ocfilter1\n".utf8)

    /// Those of one kind.
    static func programs(_ kind: SandboxPolicy.Filter) throws(SandboxError) -> SystemCallFilter.Programs {
        if let path = try? Environment.executablePath() + ".filters",
            let bytes = try? Files.read(path, limit: 8 * longestProgram), let found = read(bytes, kind)
        {
            return found
        }
        return try SystemCallFilter.compile(kind)
    }

    static func write(_ path: String) throws(SandboxError) {
        var bytes = magic
        append(rules, to: &bytes)
        for kind in SandboxPolicy.Filter.allCases {
            let programs = try SystemCallFilter.compile(kind)
            for program in [programs.watched, programs.plain] {
                append(UInt64(program.count), to: &bytes)
                bytes += program
            }
        }
        try attempt("write \(path)") { () throws(SystemError) in try Files.write(path, bytes) }
    }

    /// Nil for a file that is not whole, or of other rules than this program's. Strict: a filter is taken as
    /// it is or not at all.
    static func read(_ bytes: [UInt8], _ kind: SandboxPolicy.Filter) -> SystemCallFilter.Programs? {
        var rest = bytes[...]
        guard rest.starts(with: magic) else { return nil }
        rest = rest.dropFirst(magic.count)
        guard number(&rest) == rules else { return nil }
        var found: SystemCallFilter.Programs?
        for each in SandboxPolicy.Filter.allCases {
            guard let watched = program(&rest), let plain = program(&rest) else { return nil }
            if each == kind { found = SystemCallFilter.Programs(watched: watched, plain: plain) }
        }
        return rest.isEmpty ? found : nil
    }

    private static func program(_ rest: inout ArraySlice<UInt8>) -> [UInt8]? {
        guard let count = number(&rest), count > 0, count <= longestProgram, count % 8 == 0,
            rest.count >= Int(count)
        else { return nil }
        defer { rest = rest.dropFirst(Int(count)) }
        return Array(rest.prefix(Int(count)))
    }

    private static func number(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
        guard rest.count >= 8 else { return nil }
        defer { rest = rest.dropFirst(8) }
        return rest.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func append(_ number: UInt64, to bytes: inout [UInt8]) {
        for shift in stride(from: 0, to: 64, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }

    /// A digest of every rule (FNV-1a), so that a file that was left behind by another version is not used.
    /// It guards against accidents only.
    private static let rules: UInt64 = {
        var digest: UInt64 = 0xCBF2_9CE4_8422_2325
        func add(_ byte: UInt8) { digest = (digest ^ UInt64(byte)) &* 0x100_0000_01B3 }
        func add(name: String) {
            for byte in name.utf8 { add(byte) }
            add(0)
        }
        func add(number: UInt64) {
            for shift in UInt64(0)..<8 { add(UInt8(truncatingIfNeeded: number >> (8 * shift))) }
        }
        for name in SystemCalls.refused { add(name: name) }
        add(1)
        for name in SystemCalls.strict { add(name: name) }
        for family in SystemCalls.families { add(number: family.number) }
        for flag in SystemCalls.namespaceFlags { add(number: flag) }
        for call in SystemCalls.terminalCalls { add(number: call) }
        for request in SystemCalls.strictRequests { add(number: request) }
        return digest
    }()
}
