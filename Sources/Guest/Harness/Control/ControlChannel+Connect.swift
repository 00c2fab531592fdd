// The ways to the host.
import Glibc
import System

extension ControlChannel {
    /// The host may be slower than the guest: the real platform's harness tries 30 times, half a second
    /// apart.
    private static let attempts = 30
    private static let pauseMicroseconds: UInt32 = 500_000
    /// Time for the serial port to appear and for the host's end of it to open, in milliseconds.
    private static let portMilliseconds: Int64 = 20_000

    /// Connects as the environment says: an inherited descriptor, a named port of virtio-serial, a port of
    /// the host by vsock, or a TCP address of the host.
    static func connect() throws(HarnessError) -> ControlChannel {
        if let number = Environment.get("AEGIS_CONTROL_FD").flatMap({ Int32($0) }) {
            return try attempt("open the control channel") { () throws(SystemError) in
                try IO.setCloseOnExec(number)
                return try ControlChannel(SharedDescriptor(adopting: number))
            }
        }
        if let name = Environment.get("AEGIS_CONTROL_PORT") {
            return try attempt("open the control channel") { () throws(SystemError) in
                try ControlChannel(try serialPort(name))
            }
        }
        if let port = Environment.get("AEGIS_VSOCK_PORT").flatMap({ UInt32($0) }) {
            let context = Environment.get("AEGIS_VSOCK_CID").flatMap { UInt32($0) } ?? Vsock.host
            return try dial { () throws(SystemError) in
                try Vsock.connect(context: context, port: port).shared()
            }
        }
        guard let address = Environment.get("AEGIS_HOST_ADDR"), let colon = address.lastIndex(of: ":"),
            let port = UInt16(address[address.index(after: colon)...])
        else {
            throw HarnessError(
                "open the control channel",
                "none of AEGIS_CONTROL_FD, AEGIS_CONTROL_PORT, AEGIS_VSOCK_PORT and AEGIS_HOST_ADDR is set",
                hint: "the platform starts the harness; to try it by hand, set AEGIS_HOST_ADDR=127.0.0.1:PORT"
            )
        }
        return try dial { () throws(SystemError) in
            try Sockets.connectTCP(String(address[..<colon]), port: port, timeoutMilliseconds: 2000).shared()
        }
    }

    private static func dial(
        _ connect: () throws(SystemError) -> SharedDescriptor
    ) throws(HarnessError) -> ControlChannel {
        var last = SystemError(call: "connect", code: ETIMEDOUT)
        for _ in 0..<attempts {
            do throws(SystemError) {
                return try ControlChannel(try connect())
            } catch {
                last = error
                usleep(pauseMicroseconds)
            }
        }
        throw HarnessError("open the control channel", last)
    }

    /// The port of this name, once the host's end is open: before that, reading says end of file. Linux:
    /// Documentation/ABI/testing/sysfs-class-virtio-ports
    private static func serialPort(_ name: String) throws(SystemError) -> SharedDescriptor {
        let ports = "/sys/class/virtio-ports"
        let deadline = Supervisor.now + portMilliseconds
        while Supervisor.now < deadline {
            for port in (try? Files.list(ports)) ?? [] {
                let text = (try? Files.readText("\(ports)/\(port)/name"))?.prefix { $0 != "\n" }
                guard text.map(String.init) == name else { continue }
                let device = try Files.open("/dev/\(port)", O_RDWR | O_NONBLOCK).shared()
                while Supervisor.now < deadline {
                    var entries = [pollfd(fd: device.raw, events: Int16(POLLIN), revents: 0)]
                    try IO.poll(&entries, timeoutMilliseconds: 0)
                    if entries[0].revents & Int16(POLLHUP) == 0 { return device }
                    usleep(2000)
                }
            }
            usleep(2000)
        }
        throw SystemError(call: "find serial port", operand: name, code: ETIMEDOUT)
    }
}
