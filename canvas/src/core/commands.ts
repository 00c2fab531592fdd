// What a person asks of the session. A command says what it was based on, so that nobody approves what they
// have not seen; it has an id, so that asking again after a broken connection does not do it twice.

import { field, type Json, optionalText, parseJson, text } from "./json";

export interface Basis {
    readonly seq: number;
    readonly digest: string;
}

export type CommandResult =
    | { readonly kind: "done" }
    | { readonly kind: "stale"; readonly message: string }
    | { readonly kind: "failed"; readonly message: string };

export class Commands {
    constructor(private readonly base: string, private readonly token: string) {}

    async send(
        type: string,
        basedOn: Basis,
        fields: { readonly [key: string]: Json } = {},
    ): Promise<CommandResult> {
        const body = JSON.stringify({ ...fields, id: uuid(), type, basedOn });
        for (let attempt = 1;; attempt += 1) {
            try {
                const response = await fetch(`${this.base}commands`, {
                    method: "POST",
                    body,
                    cache: "no-store",
                    credentials: "same-origin",
                    redirect: "error",
                    headers: { "Authorization": `Bearer ${this.token}`, "Content-Type": "application/json" },
                });
                return read(response.status, await response.text());
            } catch {
                if (attempt >= 4) {
                    return { kind: "failed", message: "The coordinator cannot be reached. Try again." };
                }
                await new Promise((resolve) => {
                    setTimeout(resolve, 250 * 2 ** attempt);
                });
            }
        }
    }

    /** One of `summary`, `diff`, `cost`, `verify`, `snapshot?at=N`, `events?after=N`. */
    async look(what: string): Promise<Json> {
        const response = await fetch(`${this.base}api/${what}`, {
            cache: "no-store",
            credentials: "same-origin",
            redirect: "error",
            headers: { "Authorization": `Bearer ${this.token}` },
        });
        const source = await response.text();
        if (!response.ok) throw new Error(errorText(response.status, source));
        return parseJson(source) ?? source;
    }
}

function read(status: number, source: string): CommandResult {
    if (status >= 200 && status < 300) return { kind: "done" };
    const message = errorText(status, source);
    return status === 409 ? { kind: "stale", message } : { kind: "failed", message };
}

function errorText(status: number, source: string): string {
    const json = parseJson(source);
    const error = field(json, "error") ?? json;
    const message = typeof error === "string" ? error : text(error, "message");
    const hint = optionalText(error, "hint") ?? optionalText(json, "hint");
    const words = message || `The coordinator answered ${status}.`;
    return hint ? `${words} (${hint})` : words;
}

function uuid(): string {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
    bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
