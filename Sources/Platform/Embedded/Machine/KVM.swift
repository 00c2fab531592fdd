// Does the processor run guests here?
import Glibc
import Kit
import System

/// Finds out by running one: in nested clouds /dev/kvm often opens, and then an ordinary kernel never says
/// a word.
public enum KVM {
    public enum Verdict: Sendable, Hashable {
        case works(milliseconds: Int64)
        case unusable(String)
    }

    /// Time until a kernel says its first word, in milliseconds; where it cannot run, that word never comes.
    static let firstWordMilliseconds = 8000
    /// Time until its first process says hello, in milliseconds. A machine that is worth it takes 500; one
    /// whose own processor is emulated takes ten times as long, and works.
    static let bootMilliseconds = 30_000
    /// What the kernel says first.
    static let firstWord = "Linux version"
    /// What the first process says.
    static let greeting = "openclaw: a guest runs"
    private static let outputBytes = 1 << 20

    /// Runs a guest whose first process says hello and switches itself off.
    static func probe(directory: String) -> Verdict {
        guard Files.exists("/dev/kvm") else { return .unusable("there is no /dev/kvm") }
        guard (try? Files.open("/dev/kvm", O_RDWR)) != nil else {
            return .unusable("/dev/kvm is not for this user; usermod -aG kvm USER")
        }
        do {
            let programs = try MachineGround.programs()
            let kernel = try Kernel.find()
            let path = "\(directory)/probe.cpio"
            try Files.makeDirectories(directory)
            try Files.writeAtomically(path, Archive(entries).bytes)
            let start = Clock.monotonicNanoseconds()
            let machine = try Spawn.start(
                Spawn.Command(
                    [
                        programs.qemu, "-M", "microvm,acpi=on,rtc=on,isa-serial=on", "-accel", "kvm", "-cpu",
                        "host", "-smp", "1", "-m", "256", "-nodefaults", "-no-user-config", "-display",
                        "none", "-no-reboot", "-serial", "stdio", "-kernel", kernel.path, "-initrd", path,
                        // Notices are few; without an early console they would come late.
                        "-append", "console=ttyS0 earlyprintk=ttyS0 edd=off loglevel=6 panic=-1",
                    ], stdout: .pipe, stderr: .merge))
            defer {
                try? machine.killGroup(SIGKILL)
                _ = try? machine.wait()
            }
            let said = try listen(to: machine, since: start)
            let took = (Clock.monotonicNanoseconds() - start) / 1_000_000
            return judge(said.text, isOver: said.isOver, took: took, release: kernel.release)
        } catch {
            return .unusable("KVM could not be tried: \(error)")
        }
    }

    /// What the machine says until its first process is heard, it ends, or it keeps silent for too long.
    private static func listen(
        to machine: Child, since start: Int64
    ) throws(SystemError) -> (text: String, isOver: Bool) {
        guard let output = machine.stdout else { return ("", true) }
        var text = ""
        while text.utf8.count < outputBytes, !text.contains(greeting) {
            let limit = text.contains(firstWord) ? bootMilliseconds : firstWordMilliseconds
            let left = limit - Int((Clock.monotonicNanoseconds() - start) / 1_000_000)
            guard left > 0, try IO.waitReadable(output.raw, timeoutMilliseconds: left) else {
                return (text, false)
            }
            let bytes = try IO.read(output.raw)
            if bytes.isEmpty { return (text, true) }
            text += String(decoding: bytes, as: UTF8.self)
        }
        return (text, false)
    }

    /// What it means. Pure.
    /// - Parameters:
    ///   - isOver: The machine ended by itself.
    ///   - took: Milliseconds.
    static func judge(_ text: String, isOver: Bool, took: Int64, release: String) -> Verdict {
        if text.contains(greeting) { return .works(milliseconds: took) }
        let but = "/dev/kvm opens, but a guest does not run: "
        if isOver {
            return .unusable(but + (text.split(whereSeparator: \.isNewline).last ?? "it ended at once"))
        }
        guard text.contains(firstWord) else {
            return .unusable(
                but + "the kernel \(release) did not say a word within \(firstWordMilliseconds / 1000) s")
        }
        return .unusable(
            but + "the kernel \(release) spoke, and had no first process within \(bootMilliseconds / 1000) s")
    }

    private static var entries: [Archive.Entry] {
        [
            .directory("dev", mode: 0o755), .device("dev/console", mode: 0o600, major: 5, minor: 1),
            .file("init", mode: 0o755, bytes: HelloProgram.executable(saying: greeting + "\n")),
        ]
    }
}

/// The smallest program that is one: writes a text, then switches the machine off.
enum HelloProgram {
    private static let address: UInt64 = 0x40_0000

    /// An ELF executable of x86-64: header, one segment, code, text. elf(5)
    static func executable(saying text: String) -> [UInt8] {
        let message = Array(text.utf8)
        let codeStart = 120
        func number(_ value: UInt64, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
        }
        func code(textAt: UInt64) -> [UInt8] {
            var code: [UInt8] = []
            // write(1, text, length)
            code += [0xB8] + number(1, 4) + [0xBF] + number(1, 4) + [0xBE] + number(textAt, 4)
            code += [0xBA] + number(UInt64(message.count), 4) + [0x0F, 0x05]
            // reboot(magic, magic2, RB_POWER_OFF)
            code += [0xB8] + number(169, 4) + [0xBF] + number(0xFEE1_DEAD, 4)
            code += [0xBE] + number(672_274_793, 4) + [0xBA] + number(0x4321_FEDC, 4) + [0x0F, 0x05]
            // for (;;)
            return code + [0xEB, 0xFE]
        }
        let length = code(textAt: 0).count
        let body = code(textAt: address + UInt64(codeStart + length)) + message
        var bytes: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0] + [UInt8](repeating: 0, count: 8)
        bytes += number(2, 2) + number(62, 2) + number(1, 4) + number(address + UInt64(codeStart), 8)
        bytes += number(64, 8) + number(0, 8) + number(0, 4)
        bytes += number(64, 2) + number(56, 2) + number(1, 2) + number(0, 2) + number(0, 2) + number(0, 2)
        let size = UInt64(codeStart + body.count)
        bytes += number(1, 4) + number(5, 4) + number(0, 8) + number(address, 8) + number(address, 8)
        bytes += number(size, 8) + number(size, 8) + number(0x1000, 8)
        return bytes + body
    }
}
