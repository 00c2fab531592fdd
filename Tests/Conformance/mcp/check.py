"""What any MCP client may ask of `openclaw-agent mcp`, asked by the official one."""

import asyncio
import json
import pathlib
import sys
import tempfile

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

TOOLS = [
    {"name": "bash", "description": "Run a command.", "input_schema": {
        "type": "object", "required": ["command"], "properties": {"command": {"type": "string"}}}},
    {"name": "read", "description": "Read a file.", "input_schema": {
        "type": "object", "required": ["file_path"], "properties": {"file_path": {"type": "string"}}}},
]
CALLS = []


def answer(method, params):
    if method == "tools.list":
        return {"tools": TOOLS, "prompt": "", "limits": {}}
    CALLS.append(params)
    if params["name"] == "read":
        return {"content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}]}
    command = params["input"]["command"]
    if command == "refuse":
        raise ValueError("the harness refuses")
    return {"content": f"ran {command}\n", "is_error": command == "false"}


async def harness(reader, writer):
    while line := await reader.readline():
        request = json.loads(line)
        try:
            message = {"jsonrpc": "2.0", "id": request["id"], "result": answer(request["method"], request["params"])}
        except ValueError as error:
            message = {"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32000, "message": str(error)}}
        writer.write(json.dumps(message).encode() + b"\n")
        await writer.drain()


async def main(agent):
    checks = []

    def check(claim, holds):
        checks.append(bool(holds))
        if not holds:
            print(f"mcp: not so: {claim}")

    with tempfile.TemporaryDirectory() as directory:
        socket = str(pathlib.Path(directory) / "agent.sock")
        server = await asyncio.start_unix_server(harness, socket)
        program = StdioServerParameters(command=agent, args=["mcp"], env={"OPENCLAW_AGENT_SOCKET": socket})
        async with stdio_client(program) as (read, write), ClientSession(read, write) as session:
            begun = await session.initialize()
            check("it says who it is", "openclaw-agent" in str(begun))
            check("it offers tools", begun.capabilities.tools is not None)
            listed = (await session.list_tools()).tools
            check("all tools of the role are there, in order", [tool.name for tool in listed] == ["bash", "read"])
            schema = getattr(listed[0], "inputSchema", None) or getattr(listed[0], "input_schema", None)
            check("with their input schemas", schema == TOOLS[0]["input_schema"])
            done = await session.call_tool("bash", {"command": "make"})
            check("a call's text comes back", done.content[0].text == "ran make\n")
            failed = await session.call_tool("bash", {"command": "false"})
            check("a failed call says so", getattr(failed, "isError", None) or getattr(failed, "is_error", None))
            image = await session.call_tool("read", {"file_path": "a.png"})
            check("an image is an image", image.content[0].type == "image" and image.content[0].data == "aGk=")
            try:
                await session.call_tool("bash", {"command": "refuse"})
                check("a harness that refuses is an error", False)
            except Exception as error:
                check("with its reason", "the harness refuses" in str(error))
            await session.send_ping()
            many = await asyncio.gather(*(session.call_tool("bash", {"command": str(n)}) for n in range(20)))
            check("calls that overlap get their own answers", [m.content[0].text for m in many] == [f"ran {n}\n" for n in range(20)])
            check("the harness was asked for each call", len(CALLS) == 24)
        server.close()
    print(f"mcp: {sum(checks)} passed, {len(checks) - sum(checks)} failed")
    return 0 if all(checks) else 1


sys.exit(asyncio.run(main(sys.argv[1])))
