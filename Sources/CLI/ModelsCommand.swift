// openclaw models: what can be used from here, and what it costs today.
import Gateway
import Kit
import Service
import System

extension Command {
    static let models = Command(
        name: "models", operands: "[check SPEC] [--server URL]",
        summary: "which models can be used here, and what they cost", group: .look,
        operandLimit: 2,
        options: [
            OptionSpec("server", value: "URL", "ask this OpenAI-compatible server, too"),
            OptionSpec("offline", "ask nobody; only what is known here"),
        ],
        notes: """
            Prices are US dollars for a million tokens. More models, or other prices, go into
            ~/.aegis/openclaw/prices.json, in the form of prices.json of the kit; a model without a price is
            used only on a local server. "check SPEC" tries a model in ten small calls and says what its
            server can do; it ends with 0 when agents can work with it.
            """,
        examples: [
            "openclaw models check openai:qwen2.5-coder@http://127.0.0.1:8080/v1",
            "openclaw run \"…\" --model \"claude-opus-5-5?effort=high&fallback=claude-opus-5\"",
        ]
    ) { (arguments) throws(CLIError) in try ModelsCommand(arguments).run() }
}

/// One `openclaw models`.
struct ModelsCommand {
    private let arguments: Arguments
    private let terminal: Terminal

    init(_ arguments: Arguments) {
        self.arguments = arguments
        terminal = Terminal(arguments)
    }

    func run() throws(CLIError) -> ExitCode {
        let home = Home()
        let gateway: Gateway
        do throws(GatewayError) {
            gateway = Gateway(
                configuration: try .fromEnvironment(
                    prices: ["\(home.kit)/prices.json", "\(home.path)/prices.json"]),
                recorder: NoRecorder())
        } catch {
            throw CLIError(.usage, error.description, hint: error.hint)
        }
        if let words = try check() { return try show(probe: words, gateway) }
        let providers =
            arguments.has("offline") ? [] : gateway.providers(servers: arguments.options["server"] ?? [])
        let models = gateway.models(atMilliseconds: Clock.wallMilliseconds())
        if terminal.wantsJSON {
            for provider in providers { terminal.json(json(provider)) }
            for model in models { terminal.json(json(model, providers)) }
            return .done
        }
        show(providers)
        show(models, providers)
        return .done
    }

    // MARK: Trying one

    /// What is to be tried; nil when nothing is.
    private func check() throws(CLIError) -> String? {
        guard let first = arguments.positional.first else { return nil }
        guard first == "check", arguments.positional.count == 2 else {
            throw CLIError(
                .usage, "models: expected \"check SPEC\"",
                hint: "for example openclaw models check claude-opus-5-5")
        }
        return arguments.positional[1]
    }

    private func show(probe spec: String, _ gateway: Gateway) throws(CLIError) -> ExitCode {
        let report: ModelReport
        do throws(GatewayError) {
            report = try gateway.probe(spec: spec)
        } catch {
            throw CLIError(error.isCredentials ? .credentials : .usage, error.description, hint: error.hint)
        }
        if terminal.wantsJSON {
            terminal.json([
                "model": .string(spec), "usable": JSON(report.isUsable), "calls": JSON(report.calls),
                "microusd": JSON(report.microUSD),
                "findings": .array(
                    report.findings.map { finding in
                        [
                            "name": .string(finding.name), "good": JSON(finding.isGood),
                            "needed": JSON(finding.isNeeded), "detail": .string(finding.detail),
                        ]
                    }),
            ])
        } else {
            let rows = report.findings.map { finding in
                [
                    finding.isGood ? "yes" : "no", finding.name,
                    Terminal.cut(Terminal.harmless(finding.detail), to: 160),
                ]
            }
            for line in Show.table(rows) { terminal.line(line) }
            let cost = report.microUSD > 0 ? ", \(Money.text(report.microUSD))" : ""
            terminal.line(
                (report.isUsable ? "agents can work with it" : "agents cannot work with it")
                    + " (\(report.calls) calls\(cost))")
        }
        if report.isRefused { return .credentials }
        return report.isUsable ? .done : .failed
    }

    // MARK: For people

    private func show(_ providers: [ProviderStatus]) {
        guard !providers.isEmpty else { return }
        var rows = [["PROVIDER", "ADDRESS", "KEY", "REACHABLE"]]
        for provider in providers {
            let reach =
                switch provider.isReachable {
                case nil: "not asked: no key"
                case true?: "yes, \(provider.models.count) models"
                case false?: "no: \(Terminal.cut(Terminal.harmless(provider.detail), to: 60))"
                }
            rows.append([provider.name, provider.url, provider.hasKey ? "set" : "-", reach])
        }
        for line in Show.table(rows) { terminal.line(line) }
        terminal.line()
    }

    private func show(_ models: [ModelStatus], _ providers: [ProviderStatus]) {
        var rows = [["MODEL", "IN", "FROM CACHE", "OUT", "CONTEXT", "ROLES"]]
        for model in models {
            rows.append([
                model.name, price(model, \.input), price(model, \.cacheRead), price(model, \.output),
                "\(model.context / 1000)k", model.roles.joined(separator: ", "),
            ])
        }
        let priced = Set(models.map(\.name))
        for provider in providers where provider.name == "openai" {
            for name in provider.models.prefix(50) where !priced.contains(name) {
                rows.append([Terminal.harmless(name), "no price", "", "", "", "at \(provider.url)"])
            }
        }
        for line in Show.table(rows) { terminal.line(line) }
    }

    private func price(_ model: ModelStatus, _ part: KeyPath<PriceList.Rates, Int64>) -> String {
        let last = model.last.map { " … \(dollars($0[keyPath: part]))" } ?? ""
        return dollars(model.first[keyPath: part]) + last
    }

    private func dollars(_ micro: Int64) -> String { String(Money.text(micro).dropFirst()) }

    // MARK: For programs

    private func json(_ provider: ProviderStatus) -> JSON {
        [
            "provider": .string(provider.name), "url": .string(provider.url),
            "key": JSON(provider.hasKey), "reachable": provider.isReachable.map { JSON($0) } ?? .null,
            "detail": .string(provider.detail), "models": JSON(provider.models),
        ]
    }

    private func json(_ model: ModelStatus, _ providers: [ProviderStatus]) -> JSON {
        func rates(_ rates: PriceList.Rates) -> JSON {
            [
                "input": JSON(rates.input), "cache_write_5m": JSON(rates.cacheWrite5m),
                "cache_write_1h": JSON(rates.cacheWrite1h), "cache_read": JSON(rates.cacheRead),
                "output": JSON(rates.output),
            ]
        }
        let asked = providers.filter { $0.isReachable == true }
        return [
            "model": .string(model.name), "context": JSON(model.context),
            "max_output": JSON(model.maxOutput), "roles": JSON(model.roles),
            "microusd_per_million": rates(model.first),
            "microusd_per_million_long": model.last.map(rates) ?? .null,
            "served": asked.isEmpty ? .null : JSON(asked.contains { $0.models.contains(model.name) }),
        ]
    }
}

/// Nothing is called, so there is nothing to tell.
private struct NoRecorder: GatewayRecorder {
    func reserved(_ caller: Caller, call: String, model: String, microUSD: Int64) {}
    func settled(_ caller: Caller, _ settlement: Settlement) {}
    func refused(_ caller: Caller, reason: String) {}
    func waited(_ caller: Caller, milliseconds: Int64, reason: String) {}
}
