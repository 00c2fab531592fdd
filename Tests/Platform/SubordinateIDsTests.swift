import Testing

@testable import Platform

@Suite struct SubordinateIDsTests {
    private static let whole = "         0          0 4294967295\n"

    private func choose(_ users: String, _ groups: String? = nil, map: String = whole) -> SubordinateIDs {
        SubordinateIDs.ofRoot(users: users, groups: groups ?? users, maps: [map, map])
    }

    @Test func `ids of the first ordinary user are not those of root's guests`() {
        for text in ["tester1:100000:65536\n", "a:100000:65536\nb:165536:65536\nc:231072:65536\n", ""] {
            let ids = choose(text)
            #expect(ids.sharedWith == nil && ids.count == 65_536)
            for range in SubordinateIDs.ranges(text) { #expect(!range.overlaps(ids.base, ids.count)) }
        }
    }

    @Test func `root's own range is taken when it is the same for users and groups, and only root's`() {
        let own = choose("tester1:100000:65536\nroot:300000:65536\n")
        #expect(own.base == 300_000 && own.sharedWith == nil)
        #expect(choose("root:300000:65536\n", "root:400000:65536\n").base != 300_000)
        #expect(choose("root:300000:65536\ntester1:310000:10\n").base != 300_000)
        #expect(choose("root:300000:100\n").base != 300_000)
        #expect(choose("root:0:65536\n").base != 0)
    }

    @Test func `a range that somebody was given anywhere is passed over, in either file`() {
        let taken = choose("").base
        let next = choose("x:\(taken + 10):1\n", "")
        #expect(next.base == taken + 65_536 && choose("", "x:\(taken):1\n").base == taken + 65_536)
        #expect(choose("x:0:4294967295\n").sharedWith == "x")
    }

    @Test func `in a container whose own ids are few, what it has is used, and said when it is shared`() {
        let map = "0 100000 300000\n"
        #expect(choose("", map: map).base == 100_000)
        #expect(choose("tester1:100000:65536\n", map: map).base == 165_536)
        let shared = choose("tester1:0:300000\n", map: map)
        #expect(shared.base == 100_000 && shared.sharedWith == "tester1")
    }

    @Test func `lines that are none are passed over`() {
        let text = "# words\n\nx:y:z\nx:1\nx:-1:5\nx:99999999999:5\n:1:2\na:5:6\n"
        #expect(SubordinateIDs.ranges(text) == [SubordinateIDs.Range(owner: "a", start: 5, count: 6)])
    }
}
