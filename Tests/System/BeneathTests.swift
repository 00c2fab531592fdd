import Glibc
import System
import TestSupport
import Testing

@Suite struct BeneathTests {
    private func withTree(_ body: (String, Beneath) throws -> Void) throws {
        let base = try Files.realPath(try Files.temporaryDirectory(prefix: "beneath"))
        defer { try? Files.removeTree(base) }
        try Files.makeDirectories("\(base)/root/inner")
        try Files.makeDirectories("\(base)/outside")
        try Files.write("\(base)/outside/secret", Array("secret".utf8))
        try Files.write("\(base)/root/file", Array("file".utf8))
        try body(base, Beneath(roots: ["\(base)/root"]))
    }

    private func code(_ body: () throws(SystemError) -> Void) -> Int32 {
        do throws(SystemError) {
            try body()
            return 0
        } catch {
            return error.code
        }
    }

    @Test func `files below are read, written, made with their directories, and removed`() throws {
        try withTree { base, beneath in
            #expect(try beneath.read("\(base)/root/file") == Array("file".utf8))
            try beneath.write("\(base)/root/a/b/c", Array("x".utf8))
            #expect(try beneath.read("\(base)/root/./a/../a/b//c") == Array("x".utf8))
            try beneath.remove("\(base)/root/a/b/c")
            #expect(!Files.exists("\(base)/root/a/b/c"))
            try Files.symlink("file", at: "\(base)/root/link")
            #expect(try beneath.read("\(base)/root/link") == Array("file".utf8))
        }
    }

    @Test(arguments: [
        "OUT/secret", "ROOT/../outside/secret", "ROOT/inner/../../outside/secret", "/etc/passwd",
        "ROOT-not/x",
        "ROOT/relative", "ROOT/absolute", "ROOT/directory/secret", "ROOT/inner/up/outside/secret",
        "ROOT/twice",
    ]) func `nothing outside is read, written, made or removed`(path: String) throws {
        try withTree { base, beneath in
            try Files.symlink("../outside/secret", at: "\(base)/root/relative")
            try Files.symlink("\(base)/outside/secret", at: "\(base)/root/absolute")
            try Files.symlink("../outside", at: "\(base)/root/directory")
            try Files.symlink("../..", at: "\(base)/root/inner/up")
            try Files.symlink("relative", at: "\(base)/root/twice")
            let path = path.replacing("OUT", with: "\(base)/outside").replacing("ROOT", with: "\(base)/root")
            #expect(code { () throws(SystemError) in _ = try beneath.read(path) } == EXDEV)
            #expect(code { () throws(SystemError) in _ = try beneath.status(path) } == EXDEV)
            #expect(code { () throws(SystemError) in try beneath.write(path, []) } == EXDEV)
            #expect(try Files.read("\(base)/outside/secret") == Array("secret".utf8))
        }
    }

    @Test func `a magic link of proc is not followed`() throws {
        let beneath = Beneath(roots: ["/proc"])
        #expect(code { () throws(SystemError) in _ = try beneath.status("/proc/self/cwd/x") } == ELOOP)
    }

    @Test func `a link that is swapped while it is used never leads out`() throws {
        try withTree { base, beneath in
            let stop = "\(base)/stop"
            Worker.start("swap") {
                var isOut = false
                while !Files.exists(stop) {
                    try? Files.symlink(isOut ? "../outside" : "inner", at: "\(base)/root/next")
                    try? Files.rename("\(base)/root/next", "\(base)/root/swap")
                    isOut.toggle()
                }
            }
            var made = 0
            for _ in 0..<20_000
            where code({ () throws(SystemError) in
                try beneath.write("\(base)/root/swap/made", [])
            }) == 0 { made += 1 }
            try Files.write(stop, [])
            #expect(!Files.exists("\(base)/outside/made"), "it led out")
            #expect(made > 0, "it was never let in, so nothing was proved")
        }
    }

    /// Paths of dots, links and names in any order: what is opened lies below the root, or nothing is opened.
    @Test func `fuzz: no path leaves the root`() throws {
        try withTree { base, beneath in
            try Files.symlink("..", at: "\(base)/root/inner/up")
            try Files.symlink("../outside", at: "\(base)/root/out")
            try Files.symlink("inner", at: "\(base)/root/in")
            let names = ["..", ".", "inner", "up", "out", "in", "file", "secret", "outside", "root", ""]
            let seed: UInt64 = 3
            var random = SeededRandom(seed: seed)
            for round in 0..<5000 {
                var path = "\(base)/root"
                for _ in 0...(round % 7) {
                    path += "/" + names[random.below(names.count)]
                }
                guard let file = try? beneath.open(path, 0x20_0000) else { continue }
                let real = try Files.readLink("/proc/self/fd/\(file.raw)")
                let isBelow = real == "\(base)/root" || real.hasPrefix("\(base)/root/")
                #expect(isBelow, "seed \(seed), round \(round): \(path) is \(real)")
            }
        }
    }
}
