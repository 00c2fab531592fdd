// The socket that the agent talks to.
import Glibc
import Kit
import Synchronization
import System
import Wire

/// JSON-RPC lines on `agent.sock`. Each request has a thread, because most of them wait: for a task, a
/// tool, the coordinator.
struct AgentServer: Sendable {
    let session: Session

    func start() throws(HarnessError) {
        let path = "\(session.guest.runDirectory)/agent.sock"
        let listener = try attempt("listen on \(path)") { () throws(SystemError) in
            let socket = try Sockets.listenUnix(path, mode: 0o660)
            // The agent's group may connect, the tools' user may not.
            if session.guest.hasUsers { try Files.chown(path, user: 0, group: GuestUsers.agent) }
            return socket.shared()
        }
        session.keep(listener)
        Worker.start("agents", stackBytes: 128 * 1024) {
            while !session.isStopping {
                do throws(SystemError) {
                    let socket = try Sockets.accept(listener.raw).shared()
                    let connection = AgentConnection(socket: socket, session: session)
                    Worker.start("agent", stackBytes: 256 * 1024) { connection.run() }
                } catch {
                    if session.isStopping { return }
                    session.mailbox.log("agent socket: \(error)")
                    // Out of descriptors: they come back when a connection ends.
                    usleep(100_000)
                }
            }
        }
    }
}

/// One connection of an agent.
final class AgentConnection: Sendable {
    private let socket: SharedDescriptor
    private let session: Session
    /// Held while a line is written, so that answers do not mix; the number of requests that run.
    private let running = Condition(0)
    private let writer = Mutex(())

    init(socket: SharedDescriptor, session: Session) {
        self.socket = socket
        self.session = session
    }

    func run() {
        var reader = JSONLines(limit: Limits.agentLineBytes)
        defer { IO.shutdown(socket.raw) }
        do {
            while true {
                let bytes = try IO.read(socket.raw)
                if bytes.isEmpty { return }
                for line in try reader.lines(bytes) { receive(line) }
            }
        } catch {
            if !session.isStopping { session.mailbox.log("an agent's connection ended: \(error)") }
        }
    }

    private func receive(_ line: [UInt8]) {
        session.progress()
        let message: JSONRPCMessage
        do {
            message = try JSONRPCMessage(try JSON.parse(line))
        } catch let error as JSONRPCError {
            _ = send(.failure(id: nil, error))
            return
        } catch {
            _ = send(.failure(id: nil, JSONRPCError(code: JSONRPCError.parseErrorCode, message: "\(error)")))
            return
        }
        guard case .request(let id, let method, let params) = message else { return }
        // Back-pressure: the agent's next line is not read before there is room.
        _ = running.wait { count in
            guard count < Limits.agentRequests else { return nil as Bool? }
            count += 1
            return true
        }
        Worker.start("call", stackBytes: 512 * 1024) { [self] in
            defer { running.withLock { $0 -= 1 } }
            let calls = AgentCalls(session: session)
            let answer: JSONRPCMessage
            do throws(JSONRPCError) {
                answer = .response(id: id, result: try calls.perform(method, params))
            } catch {
                answer = .failure(id: id, error)
            }
            session.progress()
            let isSent = send(answer)
            if !isSent, method == "task.next", case .response(_, let result) = answer,
                let task = result["task"]?["id"]?.stringValue
            {
                // The agent has gone before it had the task; the next one gets it.
                session.state.withLock { $0.book.giveBack(task) }
            }
        }
    }

    private func send(_ message: JSONRPCMessage) -> Bool {
        writer.withLock { _ in (try? Sockets.send(socket.raw, JSONLines.line(message.json))) != nil }
    }
}
