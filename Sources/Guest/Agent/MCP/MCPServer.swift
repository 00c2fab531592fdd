// `openclaw-agent mcp`: the tools of this guest's role for any program that speaks the Model Context
// Protocol. Lines of JSON-RPC on stdin and stdout, as its stdio transport has them.
import Glibc
import Kit
import System
import Wire

/// Answers the protocol's requests from the harness.
struct MCPServer: Sendable {
    let harness: any Harness

    /// Longest line, in bytes: a tool's input may hold a whole file.
    private static let limit = 16 << 20

    static func main() -> Int32 {
        Signals.ignoreSIGPIPE()
        do {
            let server = MCPServer(harness: try HarnessClient())
            // Not to be closed with these: 0 and 1 stay open until the program ends.
            let input = SharedDescriptor(try IO.duplicate(0, atLeast: 3))
            let output = SharedDescriptor(try IO.duplicate(1, atLeast: 3))
            var limits = JSONRPCPeer.Limits()
            limits.lineBytes = limit
            let peer = JSONRPCPeer(
                input: input, output: output, name: "mcp", limits: limits,
                onRequest: { method, params in try server.answer(method, params) })
            peer.start()?.join()
            return 0
        } catch {
            try? IO.writeAll(2, Array("openclaw-agent mcp: \(error)\n".utf8))
            return 1
        }
    }

    func answer(_ method: String, _ params: JSON) throws(JSONRPCError) -> JSON {
        switch method {
        case "initialize":
            let wanted = params["protocolVersion"]?.stringValue ?? ""
            return [
                // A version that is not known is answered with the newest that is; the client decides.
                "protocolVersion": .string(
                    MCPLimits.versions.contains(wanted) ? wanted : MCPLimits.versions[0]),
                "capabilities": ["tools": [:]],
                "serverInfo": ["name": "openclaw-agent", "version": "0.1.0"],
                "instructions":
                    "The tools of an OpenClaw agent. They run in the sandbox of the agent's role.",
            ]
        case "ping": return [:]
        case "tools/list": return ["tools": .array(try tools())]
        case "tools/call": return try call(params)
        default: throw .methodNotFound(method)
        }
    }

    private func tools() throws(JSONRPCError) -> [JSON] {
        let listed = try ask("tools.list", [:])
        return (listed["tools"]?.arrayValue ?? []).map { tool in
            [
                "name": tool["name"] ?? "", "description": tool["description"] ?? "",
                "inputSchema": tool["input_schema"] ?? ["type": "object"],
            ]
        }
    }

    private func call(_ params: JSON) throws(JSONRPCError) -> JSON {
        guard let name = params["name"]?.stringValue else { throw .invalidParams("name is required") }
        let input = params["arguments"] ?? [:]
        guard input.objectValue != nil else { throw .invalidParams("arguments are an object") }
        let answer = try ask(
            "tools.call", ["name": .string(name), "input": input, "call_id": .string("mcp-\(Random.hex(4))")])
        return [
            "content": .array(Self.blocks(answer["content"] ?? "")),
            "isError": JSON(answer["is_error"]?.boolValue == true),
        ]
    }

    private func ask(_ method: String, _ params: JSON) throws(JSONRPCError) -> JSON {
        do throws(AgentError) {
            return try harness.call(method, params)
        } catch {
            throw .server(error.description)
        }
    }

    /// A result's blocks as this protocol has them.
    static func blocks(_ content: JSON) -> [JSON] {
        guard let blocks = content.arrayValue else {
            return [["type": "text", "text": .string(content.stringValue ?? content.text)]]
        }
        return blocks.map { block in
            guard block["type"] == "image", let source = block["source"] else {
                return ["type": "text", "text": .string(block["text"]?.stringValue ?? block.text)]
            }
            return [
                "type": "image", "data": source["data"] ?? "",
                "mimeType": source["media_type"] ?? "image/png",
            ]
        }
    }
}
