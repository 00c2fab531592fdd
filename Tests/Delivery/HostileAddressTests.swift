// Addresses of repositories that would be commands, or would tell a secret.
import System
import Testing

@testable import Delivery

@Suite struct HostileAddressTests {
    @Test func `no address of a repository runs a program, whatever its form`() throws {
        let directory = try Files.temporaryDirectory(prefix: "address-")
        defer { try? Files.removeTree(directory) }
        let mark = "\(directory)/mark"
        for address in [
            "ext::sh -c touch% \(mark)", "ext::touch \(mark)", "fd::17", "--upload-pack=touch \(mark)",
            "-u touch \(mark)", "ssh://-oProxyCommand=touch%20\(mark)/x", "-oProxyCommand=touch \(mark):x",
            "x@-oProxyCommand=touch \(mark):x/y", "file://\(directory)/none;touch \(mark)",
            "$(touch \(mark))",
            "https://127.0.0.1:1/$(touch \(mark))",
        ] {
            for tail in ["", "#main"] {
                #expect(throws: DeliveryError.self, "\(address)\(tail)") {
                    _ = try SourceRepository.inspect(spec: address + tail)
                }
            }
        }
        #expect(!Files.exists(mark))
    }

    @Test func `what an error says of an address holds no password`() {
        do throws(DeliveryError) {
            _ = try SourceRepository.inspect(spec: "https://user:canary-password@127.0.0.1:1/a/b.git")
            Issue.record("there is a repository on port 1")
        } catch {
            #expect(!"\(error) \(error.hint)".contains("canary-password"), "\(error)")
        }
    }
}
