import Kit
import Testing

@Suite struct LanguageChoiceTests {
    private func role(_ languageServers: String) throws(RoleError) -> Role {
        try Role.parse(
            "name: helper\nprompt: Help.\ntools: [read, lsp]\nlanguage_servers: \(languageServers)\n",
            source: "helper.yaml")
    }

    @Test("what a role names is asked before what is installed, and what is known of it holds")
    func choice() throws {
        let role = try role("{python: [pylsp, --verbose], go: [gopls]}")
        let environment = GuestDocument.policy(of: role, agent: "helper-1").environment
        let python = try #require(Language.all.first { $0.id == "python" })
        let all = python.server(environment: environment) { _ in true }
        #expect(all?.command == ["pylsp", "--verbose"])
        #expect(all?.unit == .codePoints)
        // One that the guest does not have chooses nothing.
        let rest = python.server(environment: environment) { $0 == "ty" }
        #expect(rest?.command == ["ty", "server"])
    }

    @Test(
        "a choice that cannot be meant is refused",
        arguments: ["[pylsp]", "{latin: [lsp]}", "{python: pylsp}", "{python: []}", "{python: ['a;b']}"])
    func refused(_ text: String) {
        #expect(throws: RoleError.self) { try role(text) }
    }
}
