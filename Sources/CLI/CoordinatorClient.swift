// The command's end of the user API.
import Glibc
import Kit
import Service
import System
import Wire

/// Calls of the coordinator over its Unix socket.
struct CoordinatorClient: Sendable {
    let home: Home

    /// How long a daemon may take to answer after its start.
    private static let startMilliseconds: Int64 = 20_000

    /// True when a coordinator answers.
    var isRunning: Bool {
        (try? HTTPClient.send(HTTPRequest("GET", "/v1/status"), to: .unix(home.coordinatorSocket))) != nil
    }

    /// Sends a request. An answer that is an error becomes one, with the exit code that its kind has.
    @discardableResult
    func call(
        _ method: String, _ path: String, _ body: JSON? = nil, timeoutMilliseconds: Int = 1_800_000
    ) throws(CLIError) -> JSON {
        let request =
            body.map { HTTPRequest(method, path, json: $0) } ?? HTTPRequest(method, path)
        let response: HTTPResponse
        do throws(HTTPError) {
            // Making a session clones a repository, which may be large and far away.
            response = try HTTPClient.send(
                request, to: .unix(home.coordinatorSocket), timeoutMilliseconds: timeoutMilliseconds)
        } catch {
            throw CLIError(
                .noPlatform, "ask the coordinator: \(error)",
                hint: "start it with: openclaw coordinator start; its log is \(home.coordinatorLog)")
        }
        let json = response.body.isEmpty ? JSON.null : (try? response.json()) ?? .null
        guard response.isSuccess else { throw Self.error(response.status, json) }
        return json
    }

    /// Follows a stream of JSON lines until it ends, or `body` says false.
    /// - Parameter idleMilliseconds: After this silence the stream counts as lost.
    func follow(
        _ path: String, idleMilliseconds: Int = 90_000, _ body: @escaping (JSON) -> Bool
    ) throws(CLIError) {
        var lines = JSONLines(limit: 32 << 20)
        var refusal: CLIError?
        do throws(HTTPError) {
            let response = try HTTPClient.send(
                HTTPRequest("GET", path), to: .unix(home.coordinatorSocket),
                idleMilliseconds: idleMilliseconds
            ) { bytes in
                guard let values = try? lines.receive(bytes) else { return false }
                for value in values where !body(value) { return false }
                return true
            }
            guard !response.isSuccess else { return }
            refusal = Self.error(response.status, (try? response.json()) ?? .null)
        } catch {
            throw CLIError(
                .failed, "follow \(path): \(error)",
                hint: "the session goes on in the coordinator; openclaw sessions shows it")
        }
        if let refusal { throw refusal }
    }

    static func error(_ status: Int, _ json: JSON) -> CLIError {
        let error = json["error"]
        var message = error?["message"]?.stringValue ?? "the coordinator answered \(status)"
        for detail in json["errors"]?.arrayValue ?? [] {
            message +=
                "\n  \(detail["path"]?.stringValue ?? ""): \(detail["message"]?.stringValue ?? detail.text)"
        }
        let code: ExitCode =
            switch error?["code"]?.stringValue ?? "" {
            case "not_found", "no_such_session", "no_such_repository": .notFound
            case "credentials": .credentials
            case "no_platform": .noPlatform
            case "usage", "bad_request", "bad_plan", "bad_model": .usage
            default: status == 404 ? .notFound : status == 400 || status == 422 ? .usage : .failed
            }
        return CLIError(code, message, hint: error?["hint"]?.stringValue)
    }

    // MARK: Starting

    /// Starts the coordinator unless one answers.
    /// - Returns: True when it was started now.
    @discardableResult
    func start() throws(CLIError) -> Bool {
        if isRunning { return false }
        do {
            try home.prepare()
            let log = try Files.open(home.coordinatorLog, O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
            let child = try Spawn.start(
                Spawn.Command(
                    [try Environment.executablePath(), "coordinator", "serve"],
                    workingDirectory: "/", stdout: .descriptor(log.raw), stderr: .descriptor(log.raw)))
            let deadline = Clock.monotonicNanoseconds() + Self.startMilliseconds * 1_000_000
            while !isRunning {
                if let status = try child.wait(timeoutMilliseconds: 20) {
                    throw CLIError.startFailure(status, log: home.coordinatorLog)
                }
                if Clock.monotonicNanoseconds() > deadline { break }
            }
        } catch let error as CLIError {
            throw error
        } catch {
            throw CLIError(.noPlatform, "start the coordinator: \(error)")
        }
        guard isRunning else {
            throw CLIError(
                .noPlatform, "the coordinator did not answer within \(Self.startMilliseconds / 1000) s",
                hint: "its log is \(home.coordinatorLog)")
        }
        return true
    }
}

extension CLIError {
    /// A daemon that ended before it answered; the end of its log says why.
    static func startFailure(_ status: Spawn.ExitStatus, log: String) -> CLIError {
        let text = (try? Files.readText(log)) ?? ""
        let tail = text.split(separator: "\n").suffix(3).joined(separator: "\n  ")
        return CLIError(
            .noPlatform, "the coordinator ended with \(status) before it answered:\n  \(tail)",
            hint: "its log is \(log)")
    }
}
