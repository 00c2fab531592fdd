// From the bytes of a provider's answer to events of the Messages API.
import Kit
import System
import Transfer
import Wire

/// Turns a provider's own events into those of the Messages API. A value: no I/O.
protocol StreamTranslator {
    /// True after the last event of the answer.
    var isComplete: Bool { get }
    mutating func receive(_ event: ServerSentEvent) throws(ProviderFailure) -> [MessageEvent]
    /// The stream is over: what is still to be said.
    mutating func end() throws(ProviderFailure) -> [MessageEvent]
}

/// Reads one answer: a stream when it succeeded, an error page when not.
final class StreamReader<Translator: StreamTranslator>: TransferReceiver {
    private let sink: any EventSink
    private let limits: GatewayLimits
    /// Names the provider in messages.
    private let name: String
    private var translator: Translator
    private var parser: ServerSentEventParser
    private var status = 0
    private var headers = HTTPHeaders()
    private var page: [UInt8] = []
    private var failure: ProviderFailure?

    init(_ translator: Translator, into sink: any EventSink, name: String, limits: GatewayLimits) {
        (self.translator, self.sink, self.name, self.limits) = (translator, sink, name, limits)
        parser = ServerSentEventParser(limit: limits.eventBytes)
    }

    var isCancelled: Bool { sink.isCancelled }

    func head(_ status: Int, _ headers: HTTPHeaders) {
        (self.status, self.headers) = (status, headers)
        if isStream { sink.accepted(headers) }
    }

    private var isStream: Bool {
        status == 200 && (headers["Content-Type"] ?? "").lowercased().hasPrefix("text/event-stream")
    }

    func body(_ bytes: [UInt8]) -> Bool {
        guard isStream else {
            page += bytes.prefix(max(0, limits.errorBytes - page.count))
            return page.count < limits.errorBytes
        }
        do {
            return try receive(bytes)
        } catch let error as ProviderFailure {
            failure = error
        } catch {
            failure = ProviderFailure(.malformed, "\(name): \(error)")
        }
        return false
    }

    private func receive(_ bytes: [UInt8]) throws -> Bool {
        for event in try parser.receive(bytes) {
            for translated in try translator.receive(event) {
                if !sink.receive(translated) { return false }
            }
        }
        return true
    }

    /// Judges the whole after the transfer.
    func finish(_ ended: TransferFailure?) throws(ProviderFailure) {
        if let failure { throw charged(failure) }
        // The last bytes count, not how the connection ended.
        if translator.isComplete { return }
        if sink.isCancelled { throw charged(ProviderFailure(.cancelled, "the call was cancelled")) }
        if status != 0, !isStream { throw pageFailure() }
        if let ended { throw failure(of: ended) }
        for event in try translator.end() where !sink.receive(event) {
            throw charged(ProviderFailure(.cancelled, "the call was cancelled"))
        }
        guard translator.isComplete else {
            throw charged(ProviderFailure(.cut, "\(name): the answer ended in the middle"))
        }
    }

    /// What was sent is worked on, unless the provider itself said that it failed.
    private func charged(_ failure: ProviderFailure) -> ProviderFailure {
        if case .status = failure.kind { return failure }
        var failure = failure
        failure.charge = .unknown
        return failure
    }

    private func failure(of ended: TransferFailure) -> ProviderFailure {
        var failure: ProviderFailure
        switch ended.kind {
        case .unsent: return ProviderFailure(.connection, "\(name): \(ended.message)")
        case .refused:
            failure = ProviderFailure(.connection, "\(name): \(ended.message)")
            failure.shouldRetry = false
            return failure
        case .broken:
            let kind: ProviderFailure.Kind = status == 0 ? .connection : .cut
            failure = ProviderFailure(kind, "\(name): \(ended.message)")
        case .idle:
            failure = ProviderFailure(
                .idle, "\(name): silent for more than \(limits.idleMilliseconds / 1000) seconds")
        case .late:
            failure = ProviderFailure(
                .idle, "\(name): no end of its answer within \(limits.wallMilliseconds / 1000) seconds")
        case .ended: failure = ProviderFailure(.cancelled, "the call was cancelled")
        }
        failure.charge = .unknown
        return failure
    }

    private func pageFailure() -> ProviderFailure {
        let json = try? JSON.parse(page)
        let error = json?["error"]
        let text =
            error?["message"]?.stringValue ?? error?.stringValue
            ?? String(decoding: page.prefix(300), as: UTF8.self)
        guard status >= 400 else {
            // Somebody else answered, a proxy perhaps. Whether the provider worked cannot be told.
            var failure = ProviderFailure(
                .malformed, "\(name): answered no stream of events, but: \(text.prefix(300))")
            failure.charge = .unknown
            return failure
        }
        var failure = ProviderFailure(.status(status), "\(name) answered \(status): \(text)")
        failure.headers = headers
        failure.type = error?["type"]?.stringValue
        failure.details = error?.objectValue == nil ? nil : error
        failure.retryAfterMilliseconds = RetryPolicy.retryAfter(
            headers, atMilliseconds: Clock.wallMilliseconds())
        failure.shouldRetry = RetryPolicy.shouldRetry(headers)
        // A limit on money does not lift by waiting.
        if error?["details"]?["error_code"] == "enforced_spend_limit_reached" { failure.shouldRetry = false }
        return failure
    }
}
