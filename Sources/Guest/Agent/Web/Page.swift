import Glibc
import Kit

/// One page, through the DevTools protocol.
struct Page {
    /// Something on the page.
    enum Target {
        /// A number of the list that `read` made.
        case number(Int)
        case selector(String)
    }

    let devTools: DevTools
    let session: String

    init(devTools: DevTools, session: String) { (self.devTools, self.session) = (devTools, session) }

    func open(_ url: String, milliseconds: Int) throws(ToolProgram.Problem) {
        forgetLoads()
        let answer = try devTools.call(
            "Page.navigate", ["url": .string(url)], session: session, milliseconds: milliseconds + 10_000)
        if let error = answer["errorText"]?.stringValue, !error.isEmpty {
            throw ToolProgram.Problem(
                "\(url): \(error). Hosts that the role's list does not have are not reached.")
        }
        // What a slow page has by then is shown.
        _ = devTools.wait(for: "Page.loadEventFired", milliseconds: milliseconds)
    }

    func back() throws(ToolProgram.Problem) {
        forgetLoads()
        _ = try evaluate("history.back()")
    }

    private func forgetLoads() {
        for event in ["Page.frameNavigated", "Page.frameStoppedLoading", "Page.loadEventFired"] {
            devTools.forget(event)
        }
    }

    /// Waits for a navigation, if one begins. A page that comes back from the history does not load again, so
    /// what counts is that loading stopped.
    func settle(_ reaction: Int, _ load: Int) {
        if devTools.wait(for: "Page.frameNavigated", milliseconds: reaction) {
            _ = devTools.wait(for: "Page.frameStoppedLoading", milliseconds: load)
        }
    }

    func address() throws(ToolProgram.Problem) -> String {
        try evaluate("location.href").stringValue ?? ""
    }

    /// Title, text, and what can be clicked or filled in; the elements keep their numbers until next time.
    func read(limit: Int) throws(ToolProgram.Problem) -> JSON {
        try evaluate(Self.reader.replacing("LIMIT", with: "\(limit)"))
    }

    private static let reader = """
        (() => {
          const shown = (e) =>
            e.getClientRects().length > 0 && getComputedStyle(e).visibility !== 'hidden'
          const cut = (t) => (t || '').replace(/\\s+/g, ' ').trim().slice(0, 120)
          const mark = 'data-openclaw-ref'
          document.querySelectorAll('[' + mark + ']').forEach((e) => e.removeAttribute(mark))
          const wanted = 'a[href], button, input:not([type=hidden]), select, textarea'
          const found = [...document.querySelectorAll(wanted)].filter(shown).slice(0, LIMIT)
          const controls = found.map((e, i) => {
            e.setAttribute(mark, i + 1)
            const label = e.innerText || e.value || e.getAttribute('aria-label')
            const name = cut(label || e.placeholder || e.name)
            const isLink = e.tagName === 'A'
            const kind = isLink ? 'link' : e.tagName.toLowerCase() + (e.type ? ' ' + e.type : '')
            return (i + 1) + ' ' + kind + ' "' + name + '"' + (isLink ? ' ' + e.href.slice(0, 300) : '')
          })
          const text = document.body ? document.body.innerText : ''
          return {
            title: document.title.slice(0, 300), url: location.href.slice(0, 2000), controls,
            text: text.slice(0, 1000000),
          }
        })()
        """

    func click(_ target: Target) throws(ToolProgram.Problem) {
        let place = try evaluate(
            """
            (() => {
              const e = \(Self.find(target))
              if (!e) return null
              e.scrollIntoView({ block: 'center' })
              const r = e.getClientRects()[0]
              return r ? { x: r.x + r.width / 2, y: r.y + r.height / 2 } : null
            })()
            """)
        guard let x = place["x"], let y = place["y"] else {
            throw ToolProgram.Problem(
                "That is not on the page, or not visible. See what is with action text.")
        }
        forgetLoads()
        for type in ["mousePressed", "mouseReleased"] {
            _ = try devTools.call(
                "Input.dispatchMouseEvent",
                ["type": .string(type), "x": x, "y": y, "button": "left", "clickCount": 1], session: session)
        }
    }

    func type(_ target: Target, _ text: String, submits: Bool) throws(ToolProgram.Problem) {
        let isThere = try evaluate(
            """
            (() => {
              const e = \(Self.find(target))
              if (!e) return false
              e.focus()
              if (e.select) e.select()
              return document.activeElement === e
            })()
            """)
        guard isThere == true else {
            throw ToolProgram.Problem("That is no field on the page. See what is with action text.")
        }
        forgetLoads()
        _ = try devTools.call("Input.insertText", ["text": .string(text)], session: session)
        guard submits else { return }
        for type in ["keyDown", "keyUp"] {
            _ = try devTools.call(
                "Input.dispatchKeyEvent",
                [
                    "type": .string(type), "key": "Enter", "code": "Enter", "text": "\r",
                    "windowsVirtualKeyCode": 13,
                ], session: session)
        }
    }

    /// PNG, base64.
    func screenshot() throws(ToolProgram.Problem) -> String {
        try devTools.call("Page.captureScreenshot", ["format": "png"], session: session)["data"]?.stringValue
            ?? ""
    }

    private static func find(_ target: Target) -> String {
        switch target {
        case .number(let number): "document.querySelector('[data-openclaw-ref=\"\(number)\"]')"
        // JSON's strings are JavaScript's.
        case .selector(let selector): "document.querySelector(\(JSON.string(selector).text))"
        }
    }

    private func evaluate(_ script: String) throws(ToolProgram.Problem) -> JSON {
        let answer = try devTools.call(
            "Runtime.evaluate",
            ["expression": .string(script), "returnByValue": true, "awaitPromise": false, "timeout": 10_000],
            session: session)
        if let failure = answer["exceptionDetails"] {
            let text = failure["exception"]?["description"]?.stringValue ?? failure.text
            throw ToolProgram.Problem("The page refuses: \(text.prefix(300))")
        }
        return answer["result"]?["value"] ?? .null
    }
}
