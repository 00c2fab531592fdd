import Testing

@testable import Kit

@Suite struct SettingsTests {
    static let text = """
        # mine
        model: claude-sonnet-5-5   # the usual one
        budget: 2.50
        merge: true

        """

    @Test func `values are read with their lines`() throws {
        let settings = try Settings.parse(Self.text, source: "config.yaml")
        #expect(settings.text("model") == "claude-sonnet-5-5")
        #expect(settings.text("budget") == "2.50")
        #expect(settings.values["budget"]?.line == 3)
        #expect(settings.isOn("merge") && !settings.isOn("notify.desktop"))
        #expect(try Settings.parse("", source: "x").values.isEmpty)
        #expect(try Settings.parse("# nothing\n", source: "x").values.isEmpty)
    }

    @Test(arguments: [
        ("modle: x", "config.yaml:1: modle: there is no such key"),
        ("budget: much", "config.yaml:1: budget: much is no amount of US dollars, such as 2.50"),
        ("agents: 9", "config.yaml:1: agents: 9 is none of auto, 1, 2, 3, 4, 5, 6, 7, 8"),
        ("merge: yes", "config.yaml:1: merge: yes is neither true nor false"),
        ("\nmodel: [a]", "config.yaml:2: model: must be one value on the line of its key"),
        ("notify.webhook: ftp://x", "config.yaml:1: notify.webhook: ftp://x is no http(s) address"),
        ("gc.keep_days: -1", "config.yaml:1: gc.keep_days: -1 is no whole number from 0 to 3650"),
        ("- a", "config.yaml:1: lines must be KEY: VALUE"),
    ])
    func `what is wrong is named with its line`(text: String, message: String) {
        let error = #expect(throws: SettingsError.self) { try Settings.parse(text, source: "config.yaml") }
        #expect(error?.description == message)
    }

    @Test func `all problems are told at once`() {
        let error = #expect(throws: SettingsError.self) {
            try Settings.parse("a: 1\nb: 2\nbudget: x", source: "c")
        }
        #expect(error?.problems.count == 3)
    }

    @Test(arguments: [
        "plain", "with space", "a: b # c", "\"quoted\"", "yes", "-1", "ü", "[x]", "tab\there", "true",
    ])
    func `what is set is read again as it was, and the rest of the file stays`(value: String) throws {
        let settings = try Settings.parse(Self.text, source: "c")
        let changed = settings.rewriting(Self.text, "model", to: value)
        #expect(try Settings.parse(changed, source: "c").text("model") == value)
        #expect(changed.contains("# mine\n") && changed.contains("budget: 2.50\n"))
        let added = settings.rewriting(Self.text, "notify.command", to: value)
        #expect(try Settings.parse(added, source: "c").text("notify.command") == value)
        let removed = settings.rewriting(Self.text, "model", to: nil)
        #expect(try Settings.parse(removed, source: "c").text("model") == nil)
        #expect(removed.contains("# mine\nbudget: 2.50\n"))
    }
}
