// JSON from outside, read without trusting its shape. Keys of untrusted objects are only ever looked up as
// own properties, and what is kept by an untrusted name is kept in a Map, so `__proto__` is a name like any
// other.

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
    readonly [key: string]: Json;
}

export function isObject(value: unknown): value is JsonObject {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isArray(value: unknown): value is readonly Json[] {
    return Array.isArray(value);
}

/** An own property, never one of the prototype. */
export function field(object: Json | undefined, key: string): Json | undefined {
    if (!isObject(object)) return undefined;
    return Object.prototype.hasOwnProperty.call(object, key) ? object[key] : undefined;
}

export function text(object: Json | undefined, key: string): string {
    const value = field(object, key);
    return typeof value === "string" ? value : "";
}

export function optionalText(object: Json | undefined, key: string): string | null {
    const value = field(object, key);
    return typeof value === "string" ? value : null;
}

export function number(object: Json | undefined, key: string, otherwise = 0): number {
    const value = field(object, key);
    return typeof value === "number" && Number.isFinite(value) ? value : otherwise;
}

export function optionalNumber(object: Json | undefined, key: string): number | null {
    const value = field(object, key);
    return typeof value === "number" && Number.isFinite(value) ? value : null;
}

export function flag(object: Json | undefined, key: string): boolean {
    return field(object, key) === true;
}

export function list(object: Json | undefined, key: string): readonly Json[] {
    const value = field(object, key);
    return isArray(value) ? value : [];
}

export function texts(object: Json | undefined, key: string): readonly string[] {
    return list(object, key).filter((item): item is string => typeof item === "string");
}

export function parseJson(source: string): Json | undefined {
    try {
        return JSON.parse(source) as Json;
    } catch {
        return undefined;
    }
}

/** As the journal writes it: members sorted by their UTF-8 bytes, no spaces, only what must be escaped is. */
export function canonical(value: Json): string {
    if (isArray(value)) return `[${value.map(canonical).join(",")}]`;
    if (isObject(value)) {
        const keys = Object.keys(value).sort(byCodePoint);
        return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key] ?? null)}`).join(",")}}`;
    }
    return JSON.stringify(value);
}

/** UTF-16 order differs from UTF-8's above the surrogates. */
function byCodePoint(left: string, right: string): number {
    const a = Array.from(left);
    const b = Array.from(right);
    for (let index = 0; index < Math.min(a.length, b.length); index += 1) {
        const difference = (a[index]?.codePointAt(0) ?? 0) - (b[index]?.codePointAt(0) ?? 0);
        if (difference !== 0) return difference;
    }
    return a.length - b.length;
}
