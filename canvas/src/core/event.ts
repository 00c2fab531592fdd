// One fact of a session, as the event channel sends it.

import { field, isObject, type Json, type JsonObject } from "./json";

export interface SessionEvent {
    /** From 1, without gaps. */
    readonly seq: number;
    readonly session: string;
    /** Unix milliseconds. */
    readonly at: number;
    /** `noun.verb`. */
    readonly type: string;
    readonly data: JsonObject;
    /** SHA-256 over the hash before it and everything it says; empty where the log was exported without. */
    readonly hash: string;
    /** How many events it stands for: more than one only in a snapshot. */
    readonly count: number;
}

export function readEvent(value: Json): SessionEvent | null {
    if (!isObject(value)) return null;
    const { seq, session, at, type, hash, count } = value;
    const data = field(value, "data");
    if (typeof seq !== "number" || !Number.isSafeInteger(seq) || seq < 1) return null;
    if (typeof type !== "string" || typeof at !== "number") return null;
    return {
        seq,
        at,
        type,
        session: typeof session === "string" ? session : "",
        data: isObject(data) ? data : {},
        hash: typeof hash === "string" ? hash : "",
        count: typeof count === "number" && Number.isSafeInteger(count) && count > 1 ? count : 1,
    };
}
