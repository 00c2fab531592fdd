"""The official SDKs of Anthropic and OpenAI, unchanged but for the base URL, against a gateway on loopback."""

import json
import sys
import traceback

import anthropic
import openai

url, token = sys.argv[1], sys.argv[2]
passed = failed = 0
QUESTION = "What is 2 + 40?"


def case(function):
    global passed, failed
    try:
        function()
        passed += 1
    except Exception:
        failed += 1
        print(f"--- {function.__name__}")
        traceback.print_exc(file=sys.stdout)


def claude(key=token):
    return anthropic.Anthropic(base_url=f"{url}/anthropic", api_key=key, max_retries=0)


def gpt(key=token):
    return openai.OpenAI(base_url=f"{url}/openai/v1", api_key=key, max_retries=0)


SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}
CLAUDE_TOOLS = [{"name": "add", "description": "adds", "input_schema": SCHEMA}]
CHAT_TOOLS = [{"type": "function", "function": {"name": "add", "description": "adds", "parameters": SCHEMA}}]
RESPONSE_TOOLS = [{"type": "function", "name": "add", "description": "adds", "parameters": SCHEMA, "strict": False}]


def messages_with_tools():
    messages = [{"role": "user", "content": QUESTION}]
    first = claude().messages.create(model="default", max_tokens=200, messages=messages, tools=CLAUDE_TOOLS)
    assert first.stop_reason == "tool_use", first
    use = next(block for block in first.content if block.type == "tool_use")
    assert use.name == "add" and use.input == {"a": 2, "b": 40}, use
    messages += [{"role": "assistant", "content": first.content}, {"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": use.id, "content": str(use.input["a"] + use.input["b"])}]}]
    last = claude().messages.create(model="default", max_tokens=200, messages=messages, tools=CLAUDE_TOOLS)
    assert last.content[0].text == "The sum is 42." and last.stop_reason == "end_turn", last
    assert last.usage.output_tokens > 0, last.usage


def messages_streamed():
    with claude().messages.stream(
            model="default", max_tokens=200, messages=[{"role": "user", "content": QUESTION}],
            tools=CLAUDE_TOOLS) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_message()
    assert kinds[0] == "message_start" and kinds[-1] == "message_stop", kinds
    assert final.content[1].input == {"a": 2, "b": 40} and final.usage.output_tokens > 0, final


def messages_tool_runner():
    @anthropic.beta_tool
    def add(a: int, b: int) -> str:
        """Adds two numbers.

        Args:
            a: one
            b: the other
        """
        return str(a + b)

    runner = claude().beta.messages.tool_runner(
        model="default", max_tokens=200, tools=[add], messages=[{"role": "user", "content": QUESTION}])
    last = runner.until_done()
    assert last.content[0].text == "The sum is 42.", last


def messages_count_and_models():
    count = claude().messages.count_tokens(model="default", messages=[{"role": "user", "content": QUESTION}])
    assert count.input_tokens > 0, count
    models = list(claude().models.list())
    assert len(models) == 1 and claude().models.retrieve(models[0].id).id == models[0].id, models


def messages_refusals():
    for kind, key, body in [
            (anthropic.BadRequestError, token, {"messages": []}),
            (anthropic.AuthenticationError, "nobody", {"messages": [{"role": "user", "content": "x"}]})]:
        try:
            claude(key).messages.create(model="default", max_tokens=200, **body)
        except kind:
            continue
        raise AssertionError(f"no {kind.__name__}")


def messages_of_a_provider_that_misbehaves():
    ask = lambda text: claude().messages.create(
        model="default", max_tokens=200, messages=[{"role": "user", "content": text}])
    assert ask("busy twice").content[0].text == "at last"
    try:
        ask("wrong json")
    except anthropic.APIStatusError as error:
        assert error.status_code == 502 and "JSON" in str(error), error
        return
    raise AssertionError("nonsense was answered")


def chat_with_tools():
    messages = [{"role": "user", "content": QUESTION}]
    first = gpt().chat.completions.create(model="default", messages=messages, tools=CHAT_TOOLS)
    choice = first.choices[0]
    assert choice.finish_reason == "tool_calls" and choice.message.content == "I add them.", first
    tool = choice.message.tool_calls[0]
    arguments = json.loads(tool.function.arguments)
    messages += [choice.message, {"role": "tool", "tool_call_id": tool.id, "content": str(sum(arguments.values()))}]
    last = gpt().chat.completions.create(model="default", messages=messages, tools=CHAT_TOOLS)
    assert last.choices[0].message.content == "The sum is 42.", last
    assert last.usage.total_tokens > 0, last.usage


def chat_streamed():
    text, arguments, usage, reason = "", "", None, None
    for chunk in gpt().chat.completions.create(
            model="default", messages=[{"role": "user", "content": QUESTION}], tools=CHAT_TOOLS, stream=True,
            stream_options={"include_usage": True}):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            reason = choice.finish_reason or reason
            text += choice.delta.content or ""
            for tool in choice.delta.tool_calls or []:
                arguments += tool.function.arguments or ""
    assert text == "I add them." and json.loads(arguments) == {"a": 2, "b": 40}, (text, arguments)
    assert reason == "tool_calls" and usage.completion_tokens > 0, (reason, usage)


def chat_stream_helper():
    with gpt().chat.completions.stream(
            model="default", messages=[{"role": "user", "content": QUESTION}], tools=CHAT_TOOLS) as stream:
        for _ in stream:
            pass
        final = stream.get_final_completion()
    assert final.choices[0].message.tool_calls[0].function.name == "add", final


def chat_refusals():
    try:
        gpt().chat.completions.create(model="default", messages=[])
        raise AssertionError("a chat without messages was answered")
    except openai.BadRequestError:
        pass
    try:
        gpt("nobody").chat.completions.create(model="default", messages=[{"role": "user", "content": "x"}])
        raise AssertionError("a stranger was answered")
    except openai.AuthenticationError:
        pass


def responses_with_tools():
    first = gpt().responses.create(model="default", input=QUESTION, tools=RESPONSE_TOOLS)
    assert first.status == "completed", first
    use = next(item for item in first.output if item.type == "function_call")
    arguments = json.loads(use.arguments)
    last = gpt().responses.create(
        model="default", tools=RESPONSE_TOOLS,
        input=[{"role": "user", "content": QUESTION}, *first.output,
               {"type": "function_call_output", "call_id": use.call_id, "output": str(sum(arguments.values()))}])
    assert last.output_text == "The sum is 42." and last.usage.total_tokens > 0, last


def responses_streamed():
    with gpt().responses.stream(model="default", input=QUESTION, tools=RESPONSE_TOOLS) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert kinds[0] == "response.created" and kinds[-1] == "response.completed", kinds
    assert "response.function_call_arguments.done" in kinds and "response.output_text.done" in kinds, kinds
    assert [item.type for item in final.output] == ["message", "function_call"], final
    plain = list(gpt().responses.create(model="default", input=QUESTION, stream=True))
    assert [event.sequence_number for event in plain] == list(range(len(plain))), plain


def openai_models():
    models = list(gpt().models.list())
    assert len(models) == 1 and gpt().models.retrieve(models[0].id).id == models[0].id, models


for function in [
        messages_with_tools, messages_streamed, messages_tool_runner, messages_count_and_models, messages_refusals,
        messages_of_a_provider_that_misbehaves, chat_with_tools, chat_streamed, chat_stream_helper, chat_refusals,
        responses_with_tools, responses_streamed, openai_models]:
    case(function)
print(f"{passed} {failed}")
