// Agents, their guests, what they said and what they cost.

import type { SessionEvent } from "./event";
import { field, number, text, texts } from "./json";
import type { Agent, Model, Usage } from "./model";
import { mark, withAgent, withTask } from "./foldTasks";
import { append } from "./tape";
import { denialWords } from "./words";

export function foldAgents(model: Model, event: SessionEvent): Model | null {
    const { type, at, seq, data } = event;
    const id = text(data, "agent");
    switch (type) {
        case "agent.requested": {
            const known = model.agents.get(id);
            const agent: Agent = {
                id,
                role: text(data, "role"),
                status: "requested",
                generation: number(data, "generation", 1),
                instance: "",
                task: known?.task ?? "",
                step: known ? "Starting again" : "Starting",
                seenAt: at,
                spent: known?.spent ?? 0,
                tokens: known?.tokens ?? 0,
                calls: known?.calls ?? 0,
                denials: known?.denials ?? 0,
            };
            return mark(
                { ...model, agents: new Map(model.agents).set(id, agent) },
                event,
                id,
                "starting",
                "",
            );
        }
        case "agent.ready": {
            const known = model.agents.get(id);
            if (!known || known.generation !== number(data, "generation")) return model;
            const next = withAgent(model, id, at, {
                status: "ready",
                instance: text(data, "instance"),
                step: known.task === "" ? waitWords(known.role) : known.step,
            });
            return mark(next, event, id, known.task === "" ? "idle" : "working", known.task);
        }
        case "agent.stalled":
            // Silence is no sign of life.
            return withAgent(model, id, model.agents.get(id)?.seenAt ?? at, { status: "stalled" });
        case "agent.paused":
        case "agent.resumed": {
            const known = model.agents.get(id);
            if (!known || known.generation !== number(data, "generation")) return model;
            const isPaused = type === "agent.paused";
            return withAgent(model, id, at, {
                status: isPaused ? "paused" : "ready",
                step: known.task !== ""
                    ? known.step
                    : isPaused
                    ? "Sleeping until it is needed"
                    : waitWords(known.role),
            });
        }
        case "agent.lost": {
            const known = model.agents.get(id);
            if (!known || known.generation !== number(data, "generation")) return model;
            const freed = withTask(model, known.task, { state: "submitted", trouble: `lost with ${id}` });
            const next = withAgent(freed, id, at, {
                status: "lost",
                task: "",
                step: `Lost: ${text(data, "reason")}`,
            });
            return mark(next, event, id, "lost", "");
        }
        case "agent.retired":
            return mark(
                withAgent(model, id, at, { status: "retired", task: "", step: "Finished" }),
                event,
                id,
                "gone",
                "",
            );
        case "message.sent": {
            const from = text(data, "from");
            const message = { seq, at, from, to: text(data, "to"), text: text(data, "text") };
            return { ...withAgent(model, from, at, {}), messages: append(model.messages, message) };
        }
        case "note.appended": {
            const note = { seq, at, from: id, to: "notes", text: text(data, "text") };
            return { ...withAgent(model, id, at, {}), notes: append(model.notes, note) };
        }
        case "artifact.stored": {
            const artifact = { seq, at, from: id, to: text(data, "name"), text: text(data, "path") };
            return { ...withAgent(model, id, at, {}), artifacts: append(model.artifacts, artifact) };
        }
        case "sandbox.denied": {
            const known = model.agents.get(id);
            const denial = {
                seq,
                at,
                from: id,
                to: text(data, "task"),
                text: texts(data, "denials").map(denialWords).join("; "),
            };
            return {
                ...withAgent(model, id, at, { denials: (known?.denials ?? 0) + event.count }),
                denials: append(model.denials, denial),
            };
        }
        case "model.settled":
            return settle(model, event, id);
        case "model.refused":
            return withAgent({ ...model, refusals: model.refusals + event.count }, id, at, {
                step: `Model call refused: ${text(data, "reason")}`,
            });
        case "model.waited":
            return withAgent(
                { ...model, waitedMilliseconds: model.waitedMilliseconds + number(data, "milliseconds") },
                id,
                at,
                {},
            );
        case "effect.intended":
            return { ...model, effects: { ...model.effects, open: model.effects.open + event.count } };
        case "effect.succeeded":
            return {
                ...model,
                effects: {
                    ...model.effects,
                    open: model.effects.open - event.count,
                    done: model.effects.done + event.count,
                },
            };
        case "effect.failed":
            return {
                ...model,
                effects: {
                    ...model.effects,
                    open: model.effects.open - event.count,
                    failed: model.effects.failed + event.count,
                },
            };
        case "heartbeat.seen":
            return withAgent(model, id, at, {});
        default:
            return field(data, "agent") === undefined ? null : withAgent(model, id, at, {});
    }
}

function settle(model: Model, { at, data, count }: SessionEvent, id: string): Model {
    const microusd = number(data, "microusd");
    const input = number(data, "input");
    const output = number(data, "output");
    const known = model.agents.get(id);
    const task = model.tasks.get(text(data, "task"));
    const spent = model.spent + microusd;
    const before: Usage = model.usageByModel.get(text(data, "model")) ??
        { spent: 0, input: 0, output: 0, calls: 0 };
    const usage = {
        spent: before.spent + microusd,
        input: before.input + input,
        output: before.output + output,
        calls: before.calls + count,
    };
    const next: Model = {
        ...model,
        spent,
        spend: append(model.spend, { at, total: spent }),
        usageByModel: new Map(model.usageByModel).set(text(data, "model"), usage),
    };
    const charged = task ? withTask(next, task.id, { spent: task.spent + microusd }) : next;
    if (!known) return charged;
    return withAgent(charged, id, at, {
        spent: known.spent + microusd,
        tokens: known.tokens + input + output,
        calls: known.calls + count,
    });
}

function waitWords(role: string): string {
    switch (role) {
        case "reviewer":
            return "Waiting for code";
        case "tester":
            return "Waiting for review";
        default:
            return "Waiting for work";
    }
}
