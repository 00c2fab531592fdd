// JSON pointers (RFC 6901) into a surface's data model, with A2UI's extension: a path without a leading slash
// is relative to the item of the list that a template draws.

import { isArray, isObject, type Json } from "../core/json";

const depthLimit = 64;
/** An index beyond this would make a list of holes. */
const indexLimit = 10_000;
/** Names that mean something to the language. They are never a part of a data model here. */
const forbidden: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

export class PointerError extends Error {}

export function absolute(path: string, scope: string): string {
    if (path.startsWith("/")) return path;
    if (path === "" || path === ".") return scope === "" ? "/" : scope;
    return `${scope === "/" ? "" : scope}/${path}`;
}

export function segments(path: string): string[] {
    if (path === "" || path === "/") return [];
    const parts = (path.startsWith("/") ? path.slice(1) : path).split("/")
        .map((part) => part.replace(/~1/g, "/").replace(/~0/g, "~"));
    if (parts.length > depthLimit) throw new PointerError(`the path is deeper than ${depthLimit}`);
    const bad = parts.find((part) => forbidden.has(part));
    if (bad !== undefined) throw new PointerError(`${bad} cannot be part of a path`);
    return parts;
}

export function read(data: Json, path: string): Json | undefined {
    let value: Json | undefined = data;
    let parts: string[];
    try {
        parts = segments(path);
    } catch {
        return undefined;
    }
    for (const part of parts) {
        if (isArray(value)) {
            if (!isIndex(part)) return undefined;
            value = value[Number(part)];
        } else if (isObject(value)) {
            if (!Object.prototype.hasOwnProperty.call(value, part)) return undefined;
            value = value[part];
        } else {
            return undefined;
        }
    }
    return value;
}

/** A copy with the value at the path; `undefined` removes it. What is missing on the way is made. */
export function write(data: Json, path: string, value: Json | undefined): Json {
    return place(data, segments(path), value) ?? {};
}

function place(data: Json | undefined, parts: readonly string[], value: Json | undefined): Json | undefined {
    const [part, ...rest] = parts;
    if (part === undefined) return value;
    if (isArray(data) || (!isObject(data) && isIndex(part))) {
        if (!isIndex(part)) throw new PointerError(`${part} is not an index of a list`);
        const index = Number(part);
        if (index > indexLimit) throw new PointerError(`index ${part} is beyond ${indexLimit}`);
        const copy: (Json | null)[] = isArray(data) ? [...data] : [];
        while (copy.length < index) copy.push(null);
        // A removed element leaves its place empty: the others keep theirs.
        copy[index] = place(copy[index] ?? undefined, rest, value) ?? null;
        return copy as Json[];
    }
    const members = Object.entries(isObject(data) ? data : {});
    const before = members.find(([key]) => key === part)?.[1];
    const next = place(before, rest, value);
    const others = members.filter(([key]) => key !== part);
    if (next === undefined) return Object.fromEntries(others);
    return Object.fromEntries(
        before === undefined
            ? [...others, [part, next]]
            : members.map(([key, old]) => [key, key === part ? next : old]),
    );
}

function isIndex(part: string): boolean {
    return /^(0|[1-9][0-9]{0,8})$/.test(part);
}
