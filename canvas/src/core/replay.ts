// An offline replay: the same app with the log in its page, and no server at all.

import { readEvent, type SessionEvent } from "./event";
import { field, isArray, isObject, type Json, number, parseJson, text } from "./json";
import type { LogLine } from "./logbook";

export interface Replay {
    readonly events: readonly SessionEvent[];
    readonly logs: ReadonlyMap<string, readonly LogLine[]>;
    readonly documents: ReadonlyMap<string, Json>;
}

/**
 * `<script type="application/json" id="openclaw-log">`: events as a list or as lines, or an object around
 * them.
 */
export function readReplay(page: Document): Replay | null {
    const source = page.getElementById("openclaw-log")?.textContent ?? null;
    if (source === null || source.trim() === "") return null;
    const whole = parseJson(source);
    const items = isArray(whole)
        ? whole
        : isObject(whole) && isArray(field(whole, "events"))
        ? (field(whole, "events") as readonly Json[])
        : lines(source);
    const events: SessionEvent[] = [];
    for (const item of items) {
        const event = readEvent(item);
        if (event) events.push(event);
    }
    const documents = new Map<string, Json>();
    for (const name of ["summary", "diff", "cost", "verify"]) {
        const document = field(whole, name);
        if (document !== undefined && document !== null) documents.set(name, document);
    }
    return { events, logs: readLogs(field(whole, "logs")), documents };
}

function lines(source: string): readonly Json[] {
    const items: Json[] = [];
    for (const line of source.split("\n")) {
        const item = line.trim() === "" ? undefined : parseJson(line);
        if (item !== undefined) items.push(item);
    }
    return items;
}

function readLogs(source: Json | undefined): Map<string, LogLine[]> {
    const logs = new Map<string, LogLine[]>();
    if (!isObject(source)) return logs;
    for (const [agent, items] of Object.entries(source)) {
        logs.set(
            agent,
            (isArray(items) ? items : []).map((item, index) => ({
                seq: number(item, "seq", index + 1),
                at: number(item, "at"),
                stream: text(item, "stream"),
                source: text(item, "source"),
                line: text(item, "line"),
                cut: 0,
            })),
        );
    }
    return logs;
}
