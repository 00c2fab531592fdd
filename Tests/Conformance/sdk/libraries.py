"""Libraries that people build agents with, unchanged but for the base URL, against a gateway on loopback: litellm,
langchain, pydantic-ai and openai-agents, each with a tool, whole and streamed where it can."""

import asyncio
import os
import sys
import traceback

url, token = sys.argv[1], sys.argv[2]
ANTHROPIC, OPENAI = f"{url}/anthropic", f"{url}/openai/v1"
os.environ.update(ANTHROPIC_API_KEY=token, ANTHROPIC_BASE_URL=ANTHROPIC, OPENAI_API_KEY=token, OPENAI_BASE_URL=OPENAI,
                  OPENAI_AGENTS_DISABLE_TRACING="1", LITELLM_LOCAL_MODEL_COST_MAP="True")
passed = failed = 0
QUESTION, ANSWER = "What is 2 + 40?", "The sum is 42."


def case(name, function):
    global passed, failed
    try:
        said = function()
        assert said == ANSWER, said
        passed += 1
    except Exception:
        failed += 1
        print(f"--- {name}")
        traceback.print_exc(file=sys.stdout)


def litellm_case(model, base, streams):
    import json
    import litellm

    tools = [{"type": "function", "function": {"name": "add", "description": "adds", "parameters": {
        "type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}}}]
    messages = [{"role": "user", "content": QUESTION}]

    def ask():
        answer = litellm.completion(
            model=model, api_base=base, api_key=token, messages=messages, tools=tools, stream=streams, num_retries=0)
        return litellm.stream_chunk_builder(list(answer), messages=messages) if streams else answer

    first = ask().choices[0].message
    call = first.tool_calls[0]
    total = sum(json.loads(call.function.arguments).values())
    messages += [first.model_dump(), {"role": "tool", "tool_call_id": call.id, "content": str(total)}]
    return ask().choices[0].message.content


def litellm_responses():
    import litellm

    answer = litellm.responses(model="openai/default", api_base=OPENAI, api_key=token, input=[
        {"role": "user", "content": QUESTION},
        {"type": "function_call", "call_id": "c", "name": "add", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "42"}])
    return answer.output[0].content[0].text


def langchain_case(chat, streams):
    from langchain_core.messages import HumanMessage, ToolMessage
    from langchain_core.tools import tool

    @tool
    def add(a: int, b: int) -> int:
        """adds"""
        return a + b

    model = chat.bind_tools([add])

    def ask(messages):
        if not streams:
            return model.invoke(messages)
        whole = None
        for chunk in model.stream(messages):
            whole = chunk if whole is None else whole + chunk
        return whole

    first = ask([HumanMessage(QUESTION)])
    call = first.tool_calls[0]
    result = ToolMessage(str(add.invoke(call["args"])), tool_call_id=call["id"])
    return ask([HumanMessage(QUESTION), first, result]).text


def langchain_anthropic():
    from langchain_anthropic import ChatAnthropic
    return ChatAnthropic(model="default", max_tokens=200, max_retries=0)


def langchain_openai(responses):
    from langchain_openai import ChatOpenAI
    return ChatOpenAI(model="default", max_retries=0, use_responses_api=responses)


def pydantic_ai_case(model):
    from pydantic_ai import Agent

    agent = Agent(model)

    @agent.tool_plain
    def add(a: int, b: int) -> int:
        """adds"""
        return a + b

    return agent.run_sync(QUESTION).output


def openai_agents_case(kind):
    import agents

    @agents.function_tool
    def add(a: int, b: int) -> int:
        """adds"""
        return a + b

    client = agents.AsyncOpenAI(max_retries=0)
    agent = agents.Agent(name="adder", tools=[add], model=kind(model="default", openai_client=client))
    return asyncio.run(agents.Runner.run(agent, QUESTION)).final_output


def main():
    from agents import OpenAIChatCompletionsModel, OpenAIResponsesModel
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel as PydanticResponses

    for streams in (False, True):
        case("litellm, anthropic", lambda: litellm_case("anthropic/default", ANTHROPIC, streams))
        case("litellm, openai", lambda: litellm_case("openai/default", OPENAI, streams))
        case("langchain, anthropic", lambda: langchain_case(langchain_anthropic(), streams))
        for responses in (False, True):
            case("langchain, openai", lambda: langchain_case(langchain_openai(responses), streams))
    case("litellm, responses", litellm_responses)
    for model in (AnthropicModel, OpenAIChatModel, PydanticResponses):
        case(f"pydantic-ai, {model.__name__}", lambda: pydantic_ai_case(model("default")))
    for kind in (OpenAIChatCompletionsModel, OpenAIResponsesModel):
        case(f"openai-agents, {kind.__name__}", lambda: openai_agents_case(kind))
    print(f"{passed} {failed}")


main()
