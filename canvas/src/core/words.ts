// Events and states in words. English is the one language so far, and it is all here and in the views.

import { plural, short } from "./format";
import type { SessionEvent } from "./event";
import { canonical, field, isArray, isObject, type Json, list, number, parseJson, text, texts } from "./json";
import type { Agent, Model, Phase, Task } from "./model";
import type { State } from "../parts/Glyph";

export const phaseWords: { readonly [phase in Phase]: string } = {
    queued: "Queued",
    planning: "Planning",
    working: "Running",
    verifying: "Verifying",
    approving: "Waiting for approval",
    delivering: "Delivering",
    completed: "Completed",
    failed: "Failed",
    cancelled: "Cancelled",
};

/** How the session stands, in a word or three. */
export function statusWords(model: Model): string {
    if (model.seq === 0) return "Nothing yet";
    return model.isPaused && model.endedAt === null ? "Paused" : phaseWords[model.phase];
}

export function phaseState(model: Model): State {
    if (model.seq === 0) return "starting";
    if (model.isPaused && model.endedAt === null) return "paused";
    switch (model.phase) {
        case "completed":
            return "done";
        case "failed":
            return "failed";
        case "cancelled":
            return "gone";
        case "approving":
            return "attention";
        default:
            return "working";
    }
}

export function agentState(agent: Agent): State {
    switch (agent.status) {
        case "requested":
            return "starting";
        case "lost":
            return "failed";
        case "retired":
            return "gone";
        case "stalled":
            return "attention";
        case "paused":
            return "paused";
        case "ready":
            return agent.task === "" ? "waiting" : "working";
    }
}

export function taskState(task: Task): State {
    switch (task.state) {
        case "working":
            return "working";
        case "published":
        case "gating":
            return "queued";
        case "merged":
            return "done";
        case "completed":
            return task.kind === "implement" || task.kind === "rework" ? "queued" : "done";
        case "failed":
            return "failed";
        case "submitted":
            return task.trouble === "" ? "waiting" : "attention";
    }
}

export function taskWords(task: Task): string {
    switch (task.state) {
        case "submitted":
            return task.trouble === "" ? "waiting" : "came back";
        case "working":
            return task.attempt > 1 ? `working, attempt ${task.attempt}` : "working";
        case "published":
            return "in the merge queue";
        case "gating":
            return "at the gate";
        case "completed":
            return task.kind === "implement" || task.kind === "rework" ? "published" : "done";
        case "merged":
            return "merged";
        case "failed":
            return "failed";
    }
}

/** What a yes to a question means. A kind of a later version is named as it is. */
export function questionWords(kind: string): string {
    switch (kind) {
        case "plan":
            return "May the agents work on this plan?";
        case "merge":
            return "May this result be delivered?";
        case "outside":
            return "May this leave the machine?";
        case "budget":
            return "May more be spent?";
        case "messages":
            return "May this be said to another agent?";
        case "notes":
            return "May this go into the notes that all agents read?";
        case "tasks":
            return "May this task be added to the plan?";
        case "stuck":
            return "Shall they go on with a task that nobody gets merged?";
        default:
            return `May this be done (${kind})?`;
    }
}

/** What the sandbox says of a refusal, as a member list or in words of its own. */
export function denialWords(source: string): string {
    const facts = parseJson(source);
    if (!isObject(facts)) return source;
    const words = Object.entries(facts).filter(([name]) => name !== "count").map(([, value]) =>
        typeof value === "string" ? value : canonical(value)
    ).join(" ");
    const times = number(facts, "count", 1);
    return times > 1 ? `${words}, ${times} times` : words;
}

/** An event in one line, and who did it. */
export interface Line {
    readonly who: string;
    readonly words: string;
    readonly tone: "plain" | "good" | "bad" | "attention" | "quiet";
}

export function eventLine(event: SessionEvent, model: Model): Line {
    const line = lineOf(event, model);
    return event.count > 1 ? { ...line, words: `${line.words} (the last of ${event.count})` } : line;
}

function lineOf(event: SessionEvent, model: Model): Line {
    const { type, data } = event;
    const agent = text(data, "agent");
    const task = text(data, "task");
    const title = model.tasks.get(task)?.title ?? task;
    const say = (words: string, tone: Line["tone"] = "plain", who = agent): Line => ({ who, words, tone });
    switch (type) {
        case "session.started":
            return say("Session started", "plain", "coordinator");
        case "session.paused":
            return say("Paused the session", "attention", text(data, "by"));
        case "session.resumed":
            return say("Resumed the session", "plain", text(data, "by"));
        case "session.completed":
            return say("Session completed", "good", "coordinator");
        case "session.failed":
            return say(`Session failed: ${text(data, "reason")}`, "bad", "coordinator");
        case "session.cancelled":
            return say("Cancelled the session", "attention", text(data, "by"));
        case "plan.accepted": {
            const amount = list(field(data, "plan"), "tasks").length;
            return say(
                `Plan of ${amount} ${amount === 1 ? "subtask" : "subtasks"} accepted`,
                "plain",
                text(data, "by"),
            );
        }
        case "plan.changed":
            return say(`Added to the plan: ${text(field(data, "task"), "title")}`, "plain", text(data, "by"));
        case "plan.rejected":
            return say(`The plan was refused: ${texts(data, "problems")[0] ?? ""}`, "attention");
        case "agent.ready":
            return say("Guest is up", "quiet");
        case "agent.paused":
            return say("Sleeps: it waits for input", "quiet");
        case "agent.resumed":
            return say("Goes on", "quiet");
        case "agent.stalled":
            return say("Shows no progress", "attention");
        case "agent.lost":
            return say(`Was lost: ${text(data, "reason")}`, "bad");
        case "task.assigned": {
            const attempt = number(data, "attempt", 1);
            return say(`Took on ${task}: ${title}${attempt > 1 ? `, attempt ${attempt}` : ""}`);
        }
        case "task.progressed":
            return say(text(data, "message"), "quiet");
        case "task.completed":
            return say(`Finished ${task}: ${text(data, "summary")}`);
        case "task.failed":
            return say(`Could not do ${task}: ${text(data, "reason")}`, "bad");
        case "task.returned":
            return say(`Sent ${task} back: ${text(data, "reason")}`, "attention", "coordinator");
        case "task.merged":
            return say(`Merged ${task}: ${files(data)}`, "good", "coordinator");
        case "branch.published":
            return say(`Published ${task} at ${short(text(data, "commit"))}`, "quiet");
        case "merge.conflicted":
            return say(`${task} conflicts in ${files(data)}`, "attention", "coordinator");
        case "overlap.forecast":
            return say(
                `${task} and ${text(data, "other")} will meet in ${files(data)}`,
                "attention",
                "coordinator",
            );
        case "gate.started":
            return say(`Gate runs ${text(data, "command")} for ${task}`, "quiet", "coordinator");
        case "gate.passed":
            return say(`Gate is green for ${task}`, "good", "coordinator");
        case "gate.failed":
            return say(`Gate is red for ${task}, exit ${number(data, "exit_code", 1)}`, "bad", "coordinator");
        case "review.requested":
            return say(`Review, round ${number(data, "round", 1)}`, "plain", "coordinator");
        case "comment.made":
            return say(comment(field(data, "comment")), "plain", agent || text(data, "by"));
        case "review.submitted":
            return text(data, "verdict") === "approve"
                ? say(`Approves: ${text(data, "summary")}`, "good")
                : say(`Asks for changes: ${text(data, "summary")}`, "attention");
        case "tests.reported": {
            const passed = data["passed"];
            const green = number(data, "exit_code", 1) === 0;
            const counts = typeof passed === "number"
                ? `, ${passed} passed, ${number(data, "failed")} failed`
                : "";
            return say(
                `Ran ${text(data, "command")}: ${green ? "green" : "red"}${counts}`,
                green ? "good" : "bad",
            );
        }
        case "session.queued":
            return say("Waits for another session on this repository to end", "attention", "coordinator");
        case "plan.edited":
            return say("Edited the plan", "plain", text(data, "by"));
        case "plan.withdrawn":
            return say(`Wants another plan: ${text(data, "reason")}`, "attention", text(data, "by"));
        case "message.held":
            return say(`Waits for you, to ${text(data, "to")}: ${text(data, "text")}`, "attention", text(data, "from"));
        case "message.edited":
            return say(`Changed ${text(data, "id")}: ${text(data, "text")}`, "plain", text(data, "by"));
        case "permission.requested":
            return say(`Asks you: ${text(field(data, "permission"), "summary")}`, "attention", "coordinator");
        case "permission.granted":
            return say(`Says yes to ${text(data, "id")}`, "good", text(data, "by"));
        case "permission.denied":
            return say(`Says no to ${text(data, "id")}: ${text(data, "reason")}`, "bad", text(data, "by"));
        case "budget.raised":
            return say("Raised the budget", "attention", text(data, "by"));
        case "changes.requested":
            return say("Asks for changes", "attention", text(data, "by"));
        case "review.voided":
            return say(`The review is void: ${text(data, "reason")}`, "attention", "coordinator");
        case "merge.batched":
            return say(`Merges ${texts(data, "tasks").join(", ")} as one`, "quiet", "coordinator");
        case "merge.deferred":
            return say(
                `${task} waits: it meets another one of its batch in ${files(data)}`,
                "quiet",
                "coordinator",
            );
        case "gate.retried":
            return say("Gate is red; the same tree is tested once more", "attention", "coordinator");
        case "gate.flaked":
            return say("Gate is flaky: red, then green on the same tree", "attention", "coordinator");
        case "task.escalated":
            return say(
                `Asks ${text(data, "to")} about ${task}: ${text(data, "reason")}`,
                "attention",
                "coordinator",
            );
        case "pull.opened":
            return say(`Opened pull request ${text(data, "url")}`, "good", "coordinator");
        case "checks.reported":
            return say(
                `Checks of the pull request: ${text(data, "summary")}`,
                data["is_green"] === true ? "good" : "bad",
                "coordinator",
            );
        case "command.applied": {
            const via = text(data, "via");
            return say(
                `Asked to ${text(data, "command")}${via === "" ? "" : `, by ${via}`}`,
                "quiet",
                text(data, "by"),
            );
        }
        case "approval.requested":
            return say("The change waits for your approval", "attention", "coordinator");
        case "approval.held":
            return say(`--yes does not approve this: ${texts(data, "reasons").join("; ")}`, "attention", "coordinator");
        case "change.inspected": {
            const items = field(field(data, "inspection"), "items");
            return isArray(items) && items.length > 0
                ? say(`The diff does not show ${plural(items.length, "thing")}`, "attention", "coordinator")
                : say("The diff shows all there is", "quiet", "coordinator");
        }
        case "approval.granted":
            return say("Approved the change", "good", text(data, "by"));
        case "approval.denied":
            return say(`Denied the change: ${text(data, "reason")}`, "bad", text(data, "by"));
        case "approval.voided":
            return say("The approval is void: the change is another one now", "attention", "coordinator");
        case "delivery.merged":
        case "delivery.opened":
            return say(
                `Delivered ${text(data, "branch")} at ${short(text(data, "commit"))}`,
                "good",
                "coordinator",
            );
        case "artifact.stored":
            return say(`Stored ${text(data, "name")}`);
        case "sandbox.denied":
            return say(
                `Was refused by the sandbox: ${denialWords(texts(data, "denials")[0] ?? "")}`,
                "attention",
            );
        case "model.refused":
            return say(`Model call refused: ${text(data, "reason")}`, "bad");
        case "model.waited":
            return say(`Waited for the model: ${text(data, "reason")}`, "quiet");
        case "model.settled":
            return say(`${number(data, "input")} tokens in, ${number(data, "output")} out`, "quiet");
        case "message.sent":
            return say(`To ${text(data, "to")}: ${text(data, "text")}`, "plain", text(data, "from"));
        case "note.appended":
            return say(`Noted: ${text(data, "text")}`, "quiet");
        case "canvas.changed":
            return say("Drew on the canvas", "quiet");
        default:
            return say(plainly(type, data), "quiet", agent || text(data, "by") || "coordinator");
    }
}

/** An event of a kind without words of its own: its name, and what it says in short. */
function plainly(type: string, data: Json): string {
    const [noun = "", ...verb] = type.split(".");
    const facts = Object.entries(isObject(data) ? data : {})
        .filter(([name, value]) =>
            name !== "agent" && name !== "by" && (typeof value === "string" || typeof value === "number")
        )
        .slice(0, 3)
        .map(([name, value]) => `${name.replaceAll("_", " ")} ${String(value)}`);
    const name = `${noun.slice(0, 1).toUpperCase()}${noun.slice(1)} ${verb.join(" ")}`.trim();
    return facts.length === 0 ? name : `${name}: ${facts.join(", ")}`;
}

function files(data: Json): string {
    const names = texts(data, "files");
    const shown = names.slice(0, 3).join(", ");
    return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown || "no files";
}

function comment(source: Json | undefined): string {
    const line = number(source, "line");
    return `${text(source, "file")}${line > 0 ? `:${line}` : ""} — ${text(source, "body")}`;
}
