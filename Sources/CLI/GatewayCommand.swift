// openclaw gateway: the gateway alone, on loopback, for programs that run without a session: one key, one
// budget, every price known before a call is made.
import Gateway
import Glibc
import Kit
import Service
import Synchronization
import System
import Wire

extension Command {
    static let gateway = Command(
        name: "gateway", operands: "[--model SPEC] [--budget USD]",
        summary: "serve models on loopback to any program, within a budget", group: .setup, operandLimit: 0,
        options: [
            OptionSpec("model", value: "SPEC", "as for openclaw run"),
            OptionSpec("budget", value: "USD", "never spend more than this while it runs"),
            OptionSpec("port", value: "N", "the port on 127.0.0.1; a free one by default"),
            OptionSpec("role", value: "ROLE", "whose model it is when the model is \"anthropic\"; coder"),
            OptionSpec(
                "silence", value: "MS", "give up on a provider silent for so long; 300000 by default"),
        ],
        notes: """
            Serves the Messages API at /anthropic and OpenAI's chat completions and responses at
            /openai/v1. The token that it prints is the key for both; OPENCLAW_GATEWAY_TOKEN sets it. GET
            /ledger tells what was spent. It ends with an interrupt.
            """
    ) { (arguments) throws(CLIError) in try GatewayCommand(arguments).run() }
}

/// One `openclaw gateway`.
struct GatewayCommand {
    private let arguments: Arguments
    private let terminal: Terminal
    private static let session = "local"

    init(_ arguments: Arguments) {
        self.arguments = arguments
        terminal = Terminal(arguments)
    }

    func run() throws(CLIError) -> ExitCode {
        let token = Environment.get("OPENCLAW_GATEWAY_TOKEN") ?? Random.hex(24)
        let gateway = try open()
        let caller = Caller(
            session: Self.session, agent: "local", role: arguments.value("role") ?? "coder", spec: spec)
        do {
            let signals = try Signals([SIGTERM, SIGINT])
            Signals.ignoreSIGPIPE()
            let port = try arguments.integer("port", in: 0...65_535) ?? 0
            let listener = SharedDescriptor(try Sockets.listenTCP("127.0.0.1", port: UInt16(port)))
            let server = try HTTPServer(
                listener: listener, name: "gateway", bodyPlan: { _ in Gateway.bodyPlan },
                report: { error, _ in Terminal.note("gateway: \(error)") },
                handler: { request, exchange in
                    try Self.answer(request, exchange, gateway, caller, token)
                })
            server.start()
            announce("http://127.0.0.1:\(try Sockets.localPort(listener.raw))", token)
            _ = try signals.next()
            gateway.stop()
            server.stop()
        } catch let error as CLIError {
            throw error
        } catch {
            throw CLIError(.failed, "serve the gateway: \(error)", hint: "choose another --port")
        }
        if let spent = gateway.ledger(of: Self.session)?.snapshot.spent, !terminal.wantsJSON {
            terminal.line("spent \(Money.text(spent))")
        }
        return .done
    }

    private var spec: String {
        arguments.value("model") ?? Environment.get("OPENCLAW_MODEL") ?? "anthropic"
    }

    private func open() throws(CLIError) -> Gateway {
        var budget: Int64?
        if let text = arguments.value("budget") {
            guard let micro = microDollars(text), micro > 0 else {
                throw CLIError(.usage, "--budget \(text): expected US dollars, for example 2.50")
            }
            budget = micro
        }
        let home = Home()
        do throws(GatewayError) {
            var configuration = try GatewayConfiguration.fromEnvironment(
                prices: ["\(home.kit)/prices.json", "\(home.path)/prices.json"])
            if let silence = try? arguments.integer("silence", in: 100...3_600_000) {
                configuration.limits.idleMilliseconds = silence
            }
            let gateway = Gateway(configuration: configuration, recorder: NoteRecorder())
            try gateway.open(
                session: Self.session, spec: spec, budgetMicroUSD: budget, conversations: nil)
            return gateway
        } catch {
            throw CLIError(
                error.isCredentials ? .credentials : .usage, error.description, hint: error.hint)
        }
    }

    private func announce(_ url: String, _ token: String) {
        if terminal.wantsJSON {
            return terminal.json([
                "url": .string(url), "token": .string(token),
                "anthropic_base_url": .string("\(url)/anthropic"),
                "openai_base_url": .string("\(url)/openai/v1"),
            ])
        }
        terminal.line("export ANTHROPIC_BASE_URL=\(url)/anthropic ANTHROPIC_API_KEY=\(token)")
        terminal.line("export OPENAI_BASE_URL=\(url)/openai/v1 OPENAI_API_KEY=\(token)")
    }

    private static func answer(
        _ request: HTTPRequest, _ exchange: HTTPExchange, _ gateway: Gateway, _ caller: Caller,
        _ token: String
    ) throws {
        // Digests are compared, so that the time tells nothing about the token.
        let given = request.bearerToken ?? request.headers["x-api-key"] ?? ""
        guard Digest.blake2b(Array(given.utf8)) == Digest.blake2b(Array(token.utf8)) else {
            return try exchange.respond(
                Gateway.unauthorized(path: request.path, message: "this needs the gateway's token"))
        }
        if request.method == "GET", request.path == "/ledger" {
            let account = gateway.ledger(of: session)?.snapshot
            return try exchange.respond(
                200,
                json: [
                    "spent_microusd": JSON(account?.spent ?? 0),
                    "reserved_microusd": JSON(account?.reserved ?? 0),
                    "budget_microusd": account?.budget.map { JSON($0) } ?? .null,
                ])
        }
        gateway.handle(request, exchange, caller: caller)
    }
}

/// Tells on standard error what a session would have in its journal.
private struct NoteRecorder: GatewayRecorder {
    func reserved(_ caller: Caller, call: String, model: String, microUSD: Int64) {}

    func settled(_ caller: Caller, _ settlement: Settlement) {
        guard settlement.microUSD > 0 else { return }
        Terminal.note("gateway: \(settlement.model) \(Money.text(settlement.microUSD))")
    }

    func refused(_ caller: Caller, reason: String) {
        Terminal.note("gateway: refused: \(Terminal.harmless(reason))")
    }

    func noted(_ caller: Caller, note: String) {
        Terminal.note("gateway: \(Terminal.harmless(note))")
    }

    func waited(_ caller: Caller, milliseconds: Int64, reason: String) {
        Terminal.note("gateway: waited \(milliseconds) ms: \(Terminal.harmless(reason))")
    }
}
