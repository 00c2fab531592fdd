// Which kinds of guests this machine can make.
import Glibc
import Kit
import Platform
import Service
import System

extension Doctor {
    /// One finding a ground, besides namespaces, which every machine needs.
    func grounds() -> [Finding] {
        let machine = home.machines
        var findings: [Finding] = []
        do throws(PlatformError) {
            try machine.check(.emulated)
            findings.append(
                Finding(
                    name: "virtual machines in software", verdict: .good,
                    detail: "--isolation microvm-emulated works: slow, and the same"))
        } catch {
            findings.append(
                Finding(
                    name: "virtual machines in software", verdict: .limited, detail: error.message,
                    next: error.hint))
            return findings
        }
        findings.append(kvm(machine))
        return findings
    }

    private func kvm(_ machine: MachineGround) -> Finding {
        let (verdict, at) = machine.lastKVM(isFresh: isFresh)
        let when = at.map { ", tried \(Show.age(since: $0))" } ?? ""
        switch verdict {
        case .works(let milliseconds):
            return Finding(
                name: "virtual machines with KVM", verdict: .good,
                detail: "--isolation microvm works: a guest ran, in \(milliseconds) ms\(when); "
                    + "control by \(machine.controlChannel)")
        case .unusable(let reason):
            return Finding(
                name: "virtual machines with KVM", verdict: .limited, detail: reason + when,
                next: "use --isolation namespace (the default), or a machine with (nested) virtualization"
                    + (at == nil ? "" : "; openclaw doctor --fresh tries again"))
        }
    }
}
