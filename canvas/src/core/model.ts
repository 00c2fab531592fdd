// What a session is at one moment: a value that is never changed, so that a view can tell by identity what to
// draw again, and so that any earlier moment can be kept and shown.

import type { Surface } from "../a2ui/surface";
import type { Inspection } from "./inspection";
import { emptyTail, type Tail } from "./tape";

export type Phase =
    | "queued"
    | "planning"
    | "working"
    | "verifying"
    | "approving"
    | "delivering"
    | "completed"
    | "failed"
    | "cancelled";

export type TaskState = "submitted" | "working" | "published" | "gating" | "merged" | "completed" | "failed";

export interface Task {
    readonly id: string;
    readonly title: string;
    readonly description: string;
    readonly kind: string;
    readonly dependsOn: readonly string[];
    readonly writeSet: readonly string[];
    readonly acceptance: readonly string[];
    readonly state: TaskState;
    readonly agent: string;
    readonly attempt: number;
    readonly startedAt: number | null;
    readonly endedAt: number | null;
    readonly files: readonly string[];
    /** Why it came back, or what its agent could not do. */
    readonly trouble: string;
    readonly message: string;
    readonly spent: number;
}

export type AgentStatus = "requested" | "ready" | "paused" | "stalled" | "lost" | "retired";

export interface Agent {
    readonly id: string;
    readonly role: string;
    readonly status: AgentStatus;
    readonly generation: number;
    readonly instance: string;
    /** The id of the task that it works on. */
    readonly task: string;
    /** What it does now, in its own or the coordinator's words. */
    readonly step: string;
    /** The last event that is a sign of life of it. */
    readonly seenAt: number;
    readonly spent: number;
    readonly tokens: number;
    readonly calls: number;
    readonly denials: number;
}

export interface Comment {
    readonly seq: number;
    readonly at: number;
    readonly author: string;
    readonly file: string;
    readonly line: number | null;
    readonly body: string;
    readonly severity: string;
    /** The tree that it is about. */
    readonly tree: string;
    /** The remark that it answers; 0 for one that opens a thread. */
    readonly replyTo: number;
    readonly isHuman: boolean;
}

export interface TestRun {
    readonly seq: number;
    readonly at: number;
    readonly source: "gate" | "tester";
    readonly agent: string;
    readonly task: string;
    readonly tree: string;
    readonly command: string;
    readonly state: "running" | "passed" | "failed";
    readonly exitCode: number | null;
    readonly passed: number | null;
    readonly failed: number | null;
    readonly skipped: number | null;
    readonly milliseconds: number | null;
    readonly output: string;
    /** Red and green on the same tree. */
    readonly isFlaky: boolean;
}

export interface Overlap {
    readonly seq: number;
    readonly at: number;
    readonly kind: "forecast" | "conflict" | "deferred";
    readonly task: string;
    readonly other: string;
    readonly files: readonly string[];
}

export interface Message {
    readonly seq: number;
    readonly at: number;
    readonly from: string;
    readonly to: string;
    readonly text: string;
}

/** What an agent did from a moment on: the bars of the timeline. */
export interface Mark {
    readonly at: number;
    readonly seq: number;
    readonly agent: string;
    readonly state: "starting" | "idle" | "working" | "waiting" | "lost" | "gone";
    readonly task: string;
    readonly label: string;
}

export interface Spend {
    readonly at: number;
    readonly total: number;
}

export interface Usage {
    readonly spent: number;
    readonly input: number;
    readonly output: number;
    readonly calls: number;
}

export interface Configuration {
    readonly task: string;
    readonly repository: string;
    readonly baseBranch: string;
    readonly baseCommit: string;
    readonly model: string;
    readonly isolation: string;
    readonly testCommand: string;
    readonly budget: number | null;
    readonly deadline: number | null;
    readonly autoApprove: boolean;
    readonly merge: boolean;
}

export interface Model {
    readonly seq: number;
    readonly at: number;
    readonly session: string;
    readonly configuration: Configuration | null;
    readonly phase: Phase;
    readonly isPaused: boolean;
    readonly startedAt: number;
    readonly endedAt: number | null;
    readonly failure: { readonly reason: string; readonly hint: string } | null;
    readonly planSummary: string;
    /** Tasks in the order in which they are merged. */
    readonly order: readonly string[];
    readonly tasks: ReadonlyMap<string, Task>;
    readonly agents: ReadonlyMap<string, Agent>;
    readonly head: string;
    readonly tree: string;
    readonly merged: readonly string[];
    readonly candidate: { readonly task: string; readonly tree: string; readonly stage: string } | null;
    readonly round: number;
    readonly verdict: { readonly agent: string; readonly value: string; readonly summary: string } | null;
    readonly testsPassed: boolean | null;
    readonly approval: { readonly tree: string; readonly commit: string; readonly seq: number } | null;
    /** What the diff of a commit cannot show, as the host found it. */
    readonly inspection: Inspection | null;
    /** What a person was asked and has not answered. */
    readonly questions: readonly {
        readonly id: string;
        readonly kind: string;
        readonly summary: string;
        readonly seq: number;
    }[];
    /** Words of agents that wait for a person, by the id of the question about them. */
    readonly held: readonly {
        readonly id: string;
        readonly from: string;
        readonly to: string;
        readonly text: string;
        readonly isTask: boolean;
    }[];
    readonly pull: {
        readonly url: string;
        readonly number: number;
        readonly isDraft: boolean;
        readonly checks: { readonly isGreen: boolean; readonly summary: string } | null;
    } | null;
    readonly approvedBy: string;
    readonly denial: { readonly by: string; readonly reason: string } | null;
    readonly delivery: {
        readonly branch: string;
        readonly commit: string;
        readonly isMerged: boolean;
        readonly command: string;
        readonly reason: string;
    } | null;
    readonly comments: Tail<Comment>;
    readonly runs: readonly TestRun[];
    readonly overlaps: Tail<Overlap>;
    readonly messages: Tail<Message>;
    readonly notes: Tail<Message>;
    readonly marks: Tail<Mark>;
    readonly spend: Tail<Spend>;
    /** Sequence numbers of what people want to read. */
    readonly activity: Tail<number>;
    /** Moments worth a tick on the scrubber. */
    readonly ticks: Tail<{ readonly seq: number; readonly kind: string }>;
    readonly spent: number;
    readonly usageByModel: ReadonlyMap<string, Usage>;
    readonly waitedMilliseconds: number;
    readonly refusals: number;
    readonly effects: { readonly open: number; readonly done: number; readonly failed: number };
    readonly denials: Tail<Message>;
    readonly artifacts: Tail<Message>;
    readonly surfaces: ReadonlyMap<string, Surface>;
    readonly surfaceProblems: Tail<Message>;
}

export const emptyModel = (): Model => ({
    seq: 0,
    at: 0,
    session: "",
    configuration: null,
    phase: "planning",
    isPaused: false,
    startedAt: 0,
    endedAt: null,
    failure: null,
    planSummary: "",
    order: [],
    tasks: new Map(),
    agents: new Map(),
    head: "",
    tree: "",
    merged: [],
    candidate: null,
    round: 0,
    verdict: null,
    testsPassed: null,
    approval: null,
    inspection: null,
    questions: [],
    held: [],
    pull: null,
    approvedBy: "",
    denial: null,
    delivery: null,
    comments: emptyTail(),
    runs: [],
    overlaps: emptyTail(),
    messages: emptyTail(),
    notes: emptyTail(),
    marks: emptyTail(),
    spend: emptyTail(),
    activity: emptyTail(),
    ticks: emptyTail(),
    spent: 0,
    usageByModel: new Map(),
    waitedMilliseconds: 0,
    refusals: 0,
    effects: { open: 0, done: 0, failed: 0 },
    denials: emptyTail(),
    artifacts: emptyTail(),
    surfaces: new Map(),
    surfaceProblems: emptyTail(),
});

export const isOver = (model: Model): boolean =>
    model.phase === "completed" || model.phase === "failed" || model.phase === "cancelled";

/** The plan's tasks in order, and before and after them the architect's, the reviewer's and the tester's. */
export function allTasks(model: Model): Task[] {
    const found: Task[] = [];
    for (const id of model.order) {
        const task = model.tasks.get(id);
        if (task) found.push(task);
    }
    const special = [...model.tasks.values()].filter((task) => !model.order.includes(task.id));
    return [
        ...special.filter((task) => task.kind === "plan"),
        ...found,
        ...special.filter((task) => task.kind !== "plan"),
    ];
}

export function planTasks(model: Model): Task[] {
    return model.order.map((id) => model.tasks.get(id)).filter((task): task is Task => task !== undefined);
}

export function isDone(task: Task): boolean {
    return task.state === "merged" || (task.state === "completed" && task.kind !== "implement" &&
        task.kind !== "rework");
}
