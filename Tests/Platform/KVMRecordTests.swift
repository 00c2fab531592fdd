import Kit
import System
import Testing

@testable import Platform

@Suite struct KVMRecordTests {
    private static let day: Int64 = 86_400_000

    @Test(arguments: [KVM.Verdict.works(milliseconds: 480), .unusable("it opens, but no guest runs")])
    func `what was found is believed for a week, on this machine only`(_ verdict: KVM.Verdict) {
        let record = KVMRecord(verdict: verdict, at: 1000, key: "a")
        #expect(KVMRecord(record.json, key: "a", now: 1000 + 6 * Self.day) == record)
        #expect(KVMRecord(record.json, key: "a", now: 1000 + 7 * Self.day) == nil)
        #expect(KVMRecord(record.json, key: "b", now: 2000) == nil)
        // From the future: a clock was wrong once.
        #expect(KVMRecord(record.json, key: "a", now: 999) == nil)
    }

    @Test func `a file that is none is no record`() throws {
        let directory = try Files.temporaryDirectory(prefix: "openclaw-kvm")
        defer { try? Files.removeTree(directory) }
        let path = "\(directory)/kvm.json"
        for text in ["", "{", "[]", #"{"at":1,"key":"a"}"#, #"{"at":"x","key":"a","works_ms":1}"#] {
            try Files.write(path, Array(text.utf8))
            #expect(KVMRecord.read(path, key: "a", now: 2) == nil)
        }
        let record = KVMRecord(verdict: .unusable("no"), at: 1, key: "a")
        record.write(path)
        #expect(KVMRecord.read(path, key: "a", now: 2) == record)
        #expect(KVMRecord.read("\(directory)/none", key: "a", now: 2) == nil)
    }

    @Test func `another monitor is another machine`() {
        #expect(KVMRecord.key(kernel: nil, qemu: "/bin/sh") == KVMRecord.key(kernel: nil, qemu: "/bin/sh"))
        #expect(KVMRecord.key(kernel: nil, qemu: "/bin/sh") != KVMRecord.key(kernel: nil, qemu: "/bin/ls"))
    }
}
