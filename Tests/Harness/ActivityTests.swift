import Kit
import Testing

@testable import Harness

@Suite struct ActivityTests {
    @Test func `bytes of all interfaces but the loopback count`() {
        let text = """
            Inter-|   Receive                          |  Transmit
             face |bytes    packets errs and more      |bytes    packets errs and more
                lo:  900  9 0 0 0 0 0 0  900  9 0 0 0 0 0 0
              eth0: 1000 10 0 0 0 0 0 0   50  1 0 0 0 0 0 0
            """
        #expect(Interfaces.bytes(text) == 1050)
        #expect(Interfaces.bytes("") == 0)
        #expect(Interfaces.bytes("eth0: 1 2") == 0)
    }

    @Test func `established connections count, and the harness's own do not`() {
        let text = """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
               0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1
               1: 0200004D:C001 0100004D:2382 01 00000000:00000000 00:00000000 00000000  1000        0 2
               2: 0200004D:C002 0100004D:2382 01 00000000:00000000 00:00000000 00000000     0        0 3
            """
        #expect(Ports.connections(text, without: "0") == 1)
        #expect(Ports.connections(text, without: nil) == 2)
        #expect(Ports.connections("", without: nil) == 0)
    }

    @Test func `there is work from the moment that a task comes until it ends`() throws {
        var book = TaskBook()
        #expect(!book.hasWork && book.name == nil)
        _ = try book.accept(["id": "t1"])
        #expect(book.hasWork && book.name == "t1")
        _ = book.next()
        #expect(book.hasWork && book.name == "t1")
        book.end("t1")
        #expect(!book.hasWork)
    }
}
