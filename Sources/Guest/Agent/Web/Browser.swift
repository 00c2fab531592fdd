import Glibc
import Kit
import Synchronization
import System

/// A headless Chromium in the tool's sandbox, with one page. Its own sandbox is off: it would need powers
/// that ours has taken away, and ours is around all of it.
final class Browser: Sendable {
    private struct State {
        var child: Child?
        var devTools: DevTools?
        var session = ""
        /// Where and under which name links and fields of the page were last listed.
        var isOpen = false
    }

    private let state = Mutex(State())
    private let environment: [String: String]

    /// Debian's program before its wrapper, which reads settings from /etc that a guest does not have.
    static let programs = ["/usr/lib/chromium/chromium", "chromium", "chromium-browser", "google-chrome"]
    /// How long a page may take to load before what is there is shown, in milliseconds.
    private static let loadMilliseconds = 20_000
    /// How long a click may take to begin a navigation, in milliseconds.
    private static let reactionMilliseconds = 400
    private static let startMilliseconds = 30_000
    static let shownCharacters = 10_000
    private static let controlLimit = 100

    init(environment: [String: String]) { self.environment = environment }

    /// What `action` asks for. The page's words are fenced: they are a stranger's.
    func act(_ input: JSON) throws(ToolProgram.Problem) -> JSON {
        try state.withLock { (state) throws(ToolProgram.Problem) -> JSON in
            let page = try Page(devTools: start(&state), session: state.session)
            let action = input["action"]?.stringValue ?? "open"
            if action == "open" {
                let url = try WebAddress.check(try ToolProgram.text(input, "url"))
                try page.open(url, milliseconds: Self.loadMilliseconds)
                state.isOpen = true
            }
            guard state.isOpen else { throw ToolProgram.Problem("No page is open; open one first.") }
            switch action {
            case "open", "text": return try show(page, from: input["offset"]?.intValue ?? 0)
            case "click":
                try page.click(try Self.target(input))
                page.settle(Self.reactionMilliseconds, Self.loadMilliseconds)
                return try show(page, from: 0)
            case "type":
                try page.type(
                    try Self.target(input), try ToolProgram.text(input, "text"),
                    submits: input["submit"]?.boolValue == true)
                page.settle(Self.reactionMilliseconds, Self.loadMilliseconds)
                return try show(page, from: 0)
            case "back":
                try page.back()
                page.settle(Self.reactionMilliseconds, Self.loadMilliseconds)
                return try show(page, from: 0)
            case "screenshot":
                return [
                    [
                        "type": "image",
                        "source": [
                            "type": "base64", "media_type": "image/png",
                            "data": .string(try page.screenshot()),
                        ],
                    ],
                    [
                        "type": "text",
                        "text": .string("A picture of a page of strangers: \(try page.address())"),
                    ],
                ]
            default:
                throw ToolProgram.Problem("`action` is open, text, click, type, back or screenshot.")
            }
        }
    }

    private static func target(_ input: JSON) throws(ToolProgram.Problem) -> Page.Target {
        if let number = input["ref"]?.intValue { return .number(number) }
        if let selector = input["selector"]?.stringValue, !selector.isEmpty { return .selector(selector) }
        throw ToolProgram.Problem("Say what: `ref`, a number of the list, or `selector`, a CSS selector.")
    }

    private func show(_ page: Page, from offset: Int) throws(ToolProgram.Problem) -> JSON {
        let seen = try page.read(limit: Self.controlLimit)
        let text = seen["text"]?.stringValue ?? ""
        let rest = text.dropFirst(max(0, offset))
        let shown = rest.prefix(Self.shownCharacters)
        var body = "\(seen["title"]?.stringValue ?? "")\n\n\(shown)"
        let left = rest.count - shown.count
        if left > 0 {
            let next = max(0, offset) + shown.count
            body += "\n[\(left) more characters; go on with action text and offset \(next)]"
        }
        let controls = (seen["controls"]?.arrayValue ?? []).compactMap(\.stringValue)
        if !controls.isEmpty { body += "\n\nLinks and fields, by ref:\n" + controls.joined(separator: "\n") }
        return .string(Fence.wrap(body, source: seen["url"]?.stringValue ?? "a page"))
    }

    // MARK: The program

    /// - Throws: When there is no browser here, or it does not start.
    private func start(_ state: inout State) throws(ToolProgram.Problem) -> DevTools {
        if let running = state.devTools, running.endReason == nil { return running }
        let found = Self.programs.compactMap { Environment.lookUp($0, path: environment["PATH"]) }
            .first { Files.exists($0) }
        guard let program = found else {
            throw ToolProgram.Problem(
                "There is no browser in this guest: none of "
                    + "\(Self.programs.joined(separator: ", ")) is installed. Use fetch.")
        }
        let devTools = try ToolProgram.system("start \(program)") { () throws(SystemError) -> DevTools in
            let (commands, commandsEnd) = try IO.pipe().split()
            let (answersEnd, answers) = try IO.pipe().split()
            state.child = try Spawn.start(
                Spawn.Command(
                    [program] + Self.options(proxy: environment["HTTPS_PROXY"] ?? environment["https_proxy"]),
                    environment: environment, stdout: .null, stderr: .null,
                    descriptors: [(commands.raw, 3), (answers.raw, 4)]))
            commands.close()
            answers.close()
            return DevTools(input: answersEnd, output: commandsEnd)
        }
        state.devTools = devTools
        state.isOpen = false
        let target = try devTools.call(
            "Target.createTarget", ["url": "about:blank"], milliseconds: Self.startMilliseconds)
        let attached = try devTools.call(
            "Target.attachToTarget", ["targetId": target["targetId"] ?? "", "flatten": true])
        state.session = attached["sessionId"]?.stringValue ?? ""
        for method in ["Page.enable", "Runtime.enable"] {
            _ = try devTools.call(method, session: state.session)
        }
        // Nothing is written to a disc that somebody else would read.
        _ = try? devTools.call("Browser.setDownloadBehavior", ["behavior": "deny"])
        return devTools
    }

    private static func options(proxy: String?) -> [String] {
        var options = [
            "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu",
            "--disable-dev-shm-usage", "--no-first-run", "--no-default-browser-check", "--disable-sync",
            "--disable-extensions", "--disable-background-networking", "--disable-component-update",
            "--disable-breakpad", "--mute-audio", "--hide-scrollbars", "--window-size=1280,900",
            "--user-data-dir=/tmp/openclaw-browser", "about:blank",
        ]
        if let proxy {
            // Chromium goes around a proxy for all of 127.0.0.0/8 by itself; here as for curl only what is
            // this sandbox's own goes around it.
            options += [
                "--proxy-server=\(proxy)", "--proxy-bypass-list=<-loopback>;127.0.0.1;localhost;[::1]",
            ]
        }
        return options
    }
}

/// Addresses that may be asked for.
enum WebAddress {
    static func check(_ text: String) throws(ToolProgram.Problem) -> String {
        let url = text.contains("://") ? text : "https://\(text)"
        let scheme = url.prefix { $0 != ":" }.lowercased()
        guard scheme == "http" || scheme == "https" else {
            throw ToolProgram.Problem("\(scheme) is not for the web; http and https are.")
        }
        let host = url.dropFirst(scheme.count + 3).prefix { !"/?#".contains($0) }
        guard !host.isEmpty, !host.contains("@"), !url.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F })
        else {
            throw ToolProgram.Problem("\(text.prefix(200)) is no address of a page.")
        }
        return url
    }
}
