// What must hold of the words that models and strangers write, and of the bytes that agents leave in a tree:
// the coordinator of all sessions reads both.
import Kit

@testable import Delivery

/// Texts: calls that a model wrote as words, and what becomes a commit's subject.
func checkWords(_ bytes: [UInt8]) throws(Broken) {
    let text = String(decoding: bytes, as: UTF8.self)
    var (whole, pieces) = (WrittenCalls(tools: ["bash"]), WrittenCalls(tools: ["bash"]))
    var passed = whole.receive(text)
    let end = whole.end(isCut: false)
    passed += end.text
    var same = ""
    for scalar in text.unicodeScalars { same += pieces.receive(String(Character(scalar))) }
    let last = pieces.end(isCut: false)
    same += last.text
    try require(passed == same && end.calls == last.calls, "pieces make other calls")
    try require(
        end.calls.allSatisfy { !$0.name.isEmpty && $0.name.utf8.count <= bytes.count }, "a call of nothing")
    _ = WrittenCalls.isUnread(text)

    let subject = HarmlessText.subject(text)
    let scalars = Array(subject.unicodeScalars)
    try require((1...HarmlessText.subjectLimit).contains(scalars.count), "a subject of \(scalars.count)")
    try require(!scalars.contains(where: HarmlessText.isInvisible), "a subject with what nobody sees")
    try require(scalars[0] != "#" && scalars[0] != "/", "a subject that does something")
    for (one, next) in zip(scalars, scalars.dropFirst()) where one == "@" {
        try require(!next.properties.isAlphabetic, "a subject that calls somebody")
    }
    _ = (HarmlessText.markdown(text), HarmlessText.code(text))
}

/// A tree: its changes as git lists them, attributes, contents and reports of tests.
func checkChange(_ bytes: [UInt8]) throws(Broken) {
    let facts = TextFacts(bytes[...])
    try require(
        facts.bareReturns >= 0 && facts.crlf <= facts.lineFeeds && facts.nulls <= bytes.count,
        "a file of \(facts)")
    _ = facts.hiddenWords(since: nil)
    let half = bytes.count / 2
    _ = TestFiles.loss(bytes[..<half], bytes[half...])
    _ = AttributeRules.items("a", bytes[..<half], bytes[half...])
    for (path, values) in AttributeRules.parse(bytes) {
        _ = values.items(String(decoding: path, as: UTF8.self), head: bytes[...])
    }
    _ = (ChangeRules.program(bytes[...]), ChangeRules.leaves(bytes, from: Array("a/b".utf8)))
    for change in RawChange.parse(bytes) ?? [] {
        try require(!change.path.isEmpty, "a change of nothing")
        _ = (ChangeRules.items(change), ChangeRules.product(change.path), ChangeRules.isSource(change))
    }
    let text = String(decoding: bytes, as: UTF8.self)
    let results = TestResults.read(output: text, reports: [text, text])
    for count in [results?.passed, results?.failed, results?.skipped] {
        try require((0...ForeignNumber.most).contains(count ?? 0), "\(count ?? 0) tests")
    }
    _ = PushCommands.read(bytes)
}
