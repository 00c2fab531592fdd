"""The official SDK against the gateway, from inside a group: plain, streamed, and refused."""

import os

import anthropic

client = anthropic.Anthropic(base_url=os.environ["BASE_URL"], api_key=os.environ["TOKEN"], max_retries=0)
question = [{"role": "user", "content": "Task test (test): Test the change"}]
tools = [{"name": "run_tests", "description": "runs", "input_schema": {"type": "object", "properties": {}}}]

message = client.messages.create(model="default", max_tokens=500, messages=question, tools=tools)
assert message.stop_reason == "tool_use", message
call = next(block for block in message.content if block.type == "tool_use")
assert call.name == "run_tests" and message.usage.output_tokens > 0, message

with client.messages.stream(model="default", max_tokens=500, messages=question, tools=tools) as stream:
    kinds = [event.type for event in stream]
    final = stream.get_final_message()
assert kinds[0] == "message_start" and "message_stop" in kinds, kinds
assert [block.type for block in final.content] == [block.type for block in message.content], final

try:
    client.messages.create(model="default", max_tokens=500, messages=[])
    raise SystemExit("a request without messages was answered")
except anthropic.BadRequestError as error:
    assert error.body["error"]["type"] == "invalid_request_error", error.body

try:
    anthropic.Anthropic(base_url=os.environ["BASE_URL"], api_key="nobody", max_retries=0).messages.create(
        model="default", max_tokens=500, messages=question)
    raise SystemExit("a stranger was answered")
except anthropic.AuthenticationError:
    pass
print("ok")
