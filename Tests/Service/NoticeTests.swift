import Kit
import Testing

@testable import Service

@Suite struct NoticeTests {
    @Test func `a notification is for what the user must know`() {
        func occasion(_ body: EventBody, autoApprove: Bool = false) -> Occasion? {
            let configuration = SessionConfiguration(
                session: "s", task: "t", repository: "/r", baseCommit: "c", baseTree: "t", model: "m",
                autoApprove: autoApprove)
            return Occasion(Event(seq: 1, session: "s", at: 0, body: body), configuration)
        }
        #expect(
            occasion(.approvalRequested(tree: "t", commit: "c"))?.next.contains("openclaw approve s") == true)
        #expect(occasion(.approvalRequested(tree: "t", commit: "c"), autoApprove: true) == nil)
        #expect(occasion(.sessionFailed(reason: "r", hint: "h"))?.text == "failed: r")
        #expect(occasion(.sessionCompleted(commit: "c")) != nil)
        #expect(occasion(.sessionCancelled(by: "user")) == nil)
        #expect(occasion(.sessionPaused(by: "user")) == nil)
    }

    private func book(_ outlets: [NoticeBook.Outlet] = [.signed, .command]) -> NoticeBook {
        var book = NoticeBook()
        book.note("s", 7, for: outlets)
        return book
    }

    @Test func `what is to be told survives a restart, in the order in which it came`() {
        var before = book()
        before.note("t", 3, for: [.post])
        let after = NoticeBook(before.json, heads: ["s": 9, "t": 3, "new": 40])
        #expect(after.jobs == before.jobs)
        // Sessions that the book does not know are no news.
        #expect(after.seen == ["s": 7, "t": 3, "new": 40])
    }

    @Test func `a command is struck off before it runs, a webhook when it has answered`() {
        var book = book([.command, .signed])
        let command = book.take(at: 0)
        #expect(command?.outlet == .command)
        #expect(book.jobs.map(\.outlet) == [.signed])
        let signed = book.take(at: 0)
        #expect(book.jobs.count == 1)
        if let signed { book.settle(signed) }
        let rest = book.take(at: .max)
        #expect(rest == nil)
    }

    @Test func `a receiver that is away is tried later and later, and then given up`() {
        var book = book([.signed])
        var now: Int64 = 1000
        for delay in NoticeBook.delays {
            guard let job = book.take(at: now) else {
                Issue.record("nothing is due at \(now)")
                return
            }
            let isTriedAgain = book.fail(job, at: now)
            #expect(isTriedAgain)
            #expect(book.wait(at: now) == delay * 1000)
            let early = book.take(at: now + delay * 1000 - 1)
            #expect(early == nil)
            now += delay * 1000
        }
        guard let last = book.take(at: now) else {
            Issue.record("the last try is missing")
            return
        }
        let isTriedAgain = book.fail(last, at: now)
        #expect(!isTriedAgain)
        #expect(book.jobs.isEmpty)
    }

    @Test func `an outlet that is away does not hold up the others`() {
        var book = book([.signed, .post])
        guard let first = book.take(at: 0) else {
            Issue.record("nothing is due")
            return
        }
        let isTriedAgain = book.fail(first, at: 0)
        let next = book.take(at: 0)
        #expect(isTriedAgain && next?.outlet == .post)
    }

    @Test func `what waits is bounded, and sessions that are gone are forgotten`() {
        var book = NoticeBook()
        for seq in 1...Int64(NoticeBook.jobLimit + 50) { book.note("s", seq, for: [.post]) }
        #expect(book.jobs.count == NoticeBook.jobLimit)
        #expect(book.seen["s"] == Int64(NoticeBook.jobLimit + 50))
        book.keep(["other"])
        #expect(book.jobs.isEmpty && book.seen.isEmpty)
    }

    @Test(arguments: [
        "null", "[]", "{}", #"{"seen":1,"jobs":2}"#,
        #"{"jobs":[{"session":"s","seq":1,"outlet":"fax","attempts":0}]}"#,
        #"{"jobs":[{"session":"s","seq":1,"outlet":"webhook","attempts":99}]}"#,
        #"{"jobs":[{"session":"gone","seq":1,"outlet":"webhook","attempts":0}]}"#,
    ]) func `a file that says nothing tells nobody`(_ text: String) throws {
        let book = NoticeBook(try JSON.parse(text), heads: ["s": 4])
        #expect(book.jobs.isEmpty)
        #expect(book.seen == ["s": 4])
    }
}
