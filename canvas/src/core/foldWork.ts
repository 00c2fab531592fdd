// Gates, tests and judgement: what is known about a tree.

import type { SessionEvent } from "./event";
import { forgetJudgement, withAgent, withTask } from "./foldTasks";
import { field, number, optionalNumber, optionalText, text } from "./json";
import type { Model, TestRun } from "./model";
import { append } from "./tape";

/** Test runs that are kept; a session makes a few for each task. */
const runLimit = 400;

export function foldWork(model: Model, event: SessionEvent): Model | null {
    const { type, at, seq, data } = event;
    switch (type) {
        case "gate.started":
            return { ...model, runs: [...model.runs, run(event, "gate", "running")].slice(-runLimit) };
        case "gate.passed": {
            const candidate = model.candidate ? { ...model.candidate, stage: "advancing" } : null;
            return { ...endGate(model, event, "passed"), candidate };
        }
        case "gate.failed":
            return withTask(endGate(model, event, "failed"), text(data, "task"), {
                trouble: "the gate is red",
            });
        case "review.requested":
            return { ...forgetJudgement(model), phase: "verifying", round: number(data, "round", 1) };
        case "comment.made": {
            const author = text(data, "agent") || text(data, "by");
            const comment = field(data, "comment");
            const next = withAgent(model, author, at, { step: `Commented on ${text(comment, "file")}` });
            return {
                ...next,
                comments: append(model.comments, {
                    seq,
                    at,
                    author,
                    file: text(comment, "file"),
                    line: optionalNumber(comment, "line"),
                    body: text(comment, "body"),
                    severity: text(comment, "severity") || "note",
                    tree: text(data, "tree") || model.tree,
                    replyTo: number(comment, "reply_to") || number(data, "reply_to"),
                    isHuman: !model.agents.has(author),
                }),
            };
        }
        case "review.submitted": {
            const agent = text(data, "agent");
            const value = text(data, "verdict");
            const step = value === "approve" ? "Approved the change" : "Asked for changes";
            const next = withAgent(model, agent, at, { step });
            if (text(data, "tree") !== model.tree) return next;
            return { ...next, verdict: { agent, value, summary: text(data, "summary") } };
        }
        case "tests.reported": {
            const agent = text(data, "agent");
            const isGreen = number(data, "exit_code", 1) === 0;
            const next = withAgent(model, agent, at, { step: isGreen ? "Tests are green" : "Tests are red" });
            return {
                ...next,
                runs: [...model.runs, run(event, "tester", isGreen ? "passed" : "failed")].slice(-runLimit),
                testsPassed: text(data, "tree") === model.tree ? isGreen : model.testsPassed,
            };
        }
        default:
            return null;
    }
}

function run({ seq, at, data }: SessionEvent, source: TestRun["source"], state: TestRun["state"]): TestRun {
    return {
        seq,
        at,
        source,
        state,
        agent: text(data, "agent"),
        task: text(data, "task"),
        tree: text(data, "tree"),
        command: optionalText(data, "command") ?? "",
        exitCode: optionalNumber(data, "exit_code"),
        passed: optionalNumber(data, "passed"),
        failed: optionalNumber(data, "failed"),
        skipped: optionalNumber(data, "skipped"),
        milliseconds: optionalNumber(data, "milliseconds"),
        output: text(data, "output"),
        isFlaky: false,
    };
}

/** The gate that runs on this tree gets its result; one without a start, as in old logs, is added. */
function endGate(model: Model, event: SessionEvent, state: TestRun["state"]): Model {
    const result = run(event, "gate", state);
    // A gate without a command means that there was nothing to run.
    if (state === "passed" && result.command === "") return model;
    const runs = [...model.runs];
    for (let index = runs.length - 1; index >= 0; index -= 1) {
        const known = runs[index];
        if (known?.state === "running" && known.tree === result.tree && known.task === result.task) {
            runs[index] = {
                ...result,
                seq: known.seq,
                at: known.at,
                milliseconds: result.milliseconds ?? event.at - known.at,
            };
            return { ...model, runs };
        }
    }
    return { ...model, runs: [...runs, result].slice(-runLimit) };
}
