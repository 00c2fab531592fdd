import Kit
import TestSupport
import Testing

@Suite struct HarmlessTextTests {
    @Test(arguments: [
        ("Fix the parser", "Fix the parser"),
        ("fix(auth): keep C# and R&D apart", "fix(auth): keep C# and R&D apart"),
        ("\n\n  Two  lines\nSigned-off-by: Me <a@b>", "Two lines"), ("", "Change the code"),
        ("\u{200B}\n", "Change the code"),
        ("Fixes #12, closes acme/widgets#13 and GH-14", "Fixes # 12, closes acme/widgets# 13 and GH 14"),
        ("thanks @octocat", "thanks @ octocat"), ("AB#12 !7", "AB# 12 ! 7"),
        ("see https://h/x", "see https:// h/x"),
        ("www.evil.example", "www. evil.example"), ("Signed-off-by: The Owner", "Signed-off-by, The Owner"),
        ("x Co-Authored-By: ghost", "x Co-Authored-By, ghost"),
        ("Openclaw-Tree: 0000", "Openclaw-Tree, 0000"),
        ("fixup! x", "fixup x"), ("# 12", "12"), ("/merge", "merge"), ("Array[0] = [x]", "Array[0] = [x]"),
        ("a\r\nb", "a"), ("safe\u{202E}txt\u{2066}", "safetxt"), ("tag\u{E0041}", "tag"),
    ])
    func `a subject is one harmless line`(text: String, subject: String) {
        #expect(HarmlessText.subject(text) == subject)
    }

    /// As GitHub, GitLab, Azure, Bitbucket, CircleCI, Travis, AppVeyor, Netlify, Vercel, Cloudflare, Codeship
    /// and Gitea document them.
    @Test(arguments: [
        "[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]", "[SKIP CI]", "[Skip-CI]",
        "[ci-skip]",
        "***NO_CI***", "[skip azurepipelines]", "[azurepipelines skip]", "[skip azp]", "[azp skip]",
        "[skip travis]",
        "[travis skip]", "[skip appveyor]", "[skip netlify]", "[netlify skip]", "[skip vercel]",
        "[CF-Pages-Skip]",
        "--skip-ci", "--ci-skip", "skip-checks: true", "skip-checks:true", "[skip circle]",
        "[s\u{200B}kip ci]",
        "[skip\u{00A0}ci]", "[x [skip ci]", "[build skip]", "[skip  ci]",
    ])
    func `no words of a stranger's skip checks`(words: String) {
        for text in [words, "Fix \(words)", "\(words) fix"] {
            for made in [HarmlessText.subject(text), HarmlessText.markdown(text)] {
                let flat = made.lowercased().split(separator: " ").joined(separator: " ")
                for mark in [
                    "skip ci]", "ci skip]", "no ci]", "actions]", "[actions", "skip-ci", "ci-skip", "no_ci",
                    "skip-checks",
                    "[skip", "skip]", "[azp", "[azure", "[travis", "[netlify", "[cf",
                ] { #expect(!flat.contains(mark), "\(text) -> \(made)") }
            }
        }
    }

    @Test(arguments: [
        ("/merge now", "\\/merge now"),
        ("![t](https://x.example/p.png)", "\\!\\[t\\]\\(https:// x\\.example/p\\.png\\)"),
        ("&commat;octocat &num;15", "&amp;commat;octocat &amp;num;15"),
        ("<script>@all", "&lt;script&gt;@ all"),
        ("a | b", "a \\| b"), ("GH-13 `code` $x$", "GH 13 \\`code\\` \\$x\\$"),
    ])
    func `a line of Markdown means nothing`(text: String, markdown: String) {
        #expect(HarmlessText.markdown(text) == markdown)
    }

    @Test(arguments: [
        ("make test", "`make test`"), ("a `b` c", "``a `b` c``"), ("`x", "`` `x ``"), ("", "`  `"),
    ])
    func `code cannot be closed by what stands in it`(text: String, code: String) {
        #expect(HarmlessText.code(text) == code)
    }

    @Test func `whatever comes, a subject is short, one line, and stays as it is when it is made again`() {
        var random = SeededRandom(seed: 20_261_201)
        let parts = [
            "[skip ci]", "\n", "@", "#", "1", "GH-", ":", "//", "https", "Signed-off-by", "\u{202E}",
            "\u{200B}", "-", "skip",
            "ci", "[", "]", "*", "é", "\u{1F600}", " ", "\r", "fixup! ", "www", ".", "x", "_", "no", "!",
            "\u{2028}",
        ]
        for _ in 0..<20_000 {
            let text = (0..<Int(random.next() % 12)).map { _ in
                parts[Int(random.next() % UInt64(parts.count))]
            }.joined()
            let subject = HarmlessText.subject(text)
            #expect(!subject.isEmpty && subject.unicodeScalars.count <= HarmlessText.subjectLimit)
            #expect(!subject.unicodeScalars.contains { HarmlessText.isInvisible($0) || $0 == "\n" })
            #expect(HarmlessText.subject(subject) == subject, "\(text.debugDescription)")
        }
        let long = HarmlessText.subject(String(repeating: "a\u{301}", count: 500))
        #expect(long.unicodeScalars.count == HarmlessText.subjectLimit)
    }
}
