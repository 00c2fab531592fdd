// What a dynamic value of A2UI is worth: a literal, a path into the surface's data, or a call of one of the
// fourteen functions. Nothing here reaches the page or the network; `openUrl` is a link, and its own
// component.

import { field, isArray, isObject, type Json, text } from "../core/json";
import { ExpressionError, parseTemplate, type Part } from "./expression";
import { absolute, read } from "./pointer";

/** Where a value is evaluated. */
export interface Scope {
    readonly data: Json;
    /** The item of the list that a template draws; empty at the top. */
    readonly path: string;
}

/** A call in a call in a call: no picture needs more. */
export const callDepth = 5;

export class FunctionError extends Error {}

export function valueOf(dynamic: Json | undefined, scope: Scope, depth = 0): Json | undefined {
    if (!isObject(dynamic)) return dynamic;
    const path = field(dynamic, "path");
    if (typeof path === "string") return read(scope.data, absolute(path, scope.path));
    const call = field(dynamic, "call");
    if (typeof call !== "string") return dynamic;
    if (depth >= callDepth) throw new FunctionError(`calls are nested deeper than ${callDepth}`);
    return invoke(
        call,
        (name) => argument(field(field(dynamic, "args"), name), scope, depth + 1),
        scope,
        depth + 1,
    );
}

function argument(value: Json | undefined, scope: Scope, depth: number): Json | undefined {
    return isArray(value)
        ? value.map((item) => valueOf(item, scope, depth) ?? null)
        : valueOf(value, scope, depth);
}

export function textOf(dynamic: Json | undefined, scope: Scope): string {
    try {
        return toText(valueOf(dynamic, scope));
    } catch (error) {
        if (error instanceof FunctionError || error instanceof ExpressionError) return `⟨${error.message}⟩`;
        throw error;
    }
}

export function numberOf(dynamic: Json | undefined, scope: Scope): number {
    return toNumber(attempt(() => valueOf(dynamic, scope)));
}

export function booleanOf(dynamic: Json | undefined, scope: Scope): boolean {
    return toBoolean(attempt(() => valueOf(dynamic, scope)));
}

export function textsOf(dynamic: Json | undefined, scope: Scope): string[] {
    const value = attempt(() => valueOf(dynamic, scope));
    if (isArray(value)) return value.map(toText);
    return value === undefined || value === null || value === "" ? [] : [toText(value)];
}

export function attempt<T>(work: () => T): T | undefined {
    try {
        return work();
    } catch (error) {
        if (error instanceof FunctionError || error instanceof ExpressionError) return undefined;
        throw error;
    }
}

export function toText(value: Json | undefined): string {
    if (value === undefined || value === null) return "";
    if (typeof value === "string") return value;
    return typeof value === "object" ? JSON.stringify(value) : String(value);
}

export function toNumber(value: Json | undefined): number {
    if (typeof value === "number") return value;
    if (typeof value === "string" && value.trim() !== "" && Number.isFinite(Number(value))) {
        return Number(value);
    }
    return 0;
}

export function toBoolean(value: Json | undefined): boolean {
    if (typeof value === "string") return value.toLowerCase() === "true";
    return typeof value === "number" ? value !== 0 : value === true;
}

/** For `and`, `or`, `not`: what is there is true. */
function isTruthy(value: Json | undefined): boolean {
    return value !== undefined && value !== null && value !== false && value !== 0 && value !== "";
}

type Arguments = (name: string) => Json | undefined;

export function invoke(name: string, args: Arguments, scope: Scope, depth = 1): Json | undefined {
    switch (name) {
        case "required": {
            const value = args("value");
            return value !== undefined && value !== null && value !== "" &&
                !(isArray(value) && value.length === 0);
        }
        case "regex":
            return matches(toText(args("value")), toText(args("pattern")));
        case "length": {
            const value = args("value");
            return within(isArray(value) ? value.length : [...toText(value)].length, args);
        }
        case "numeric": {
            const value = args("value");
            const amount = typeof value === "number"
                ? value
                : typeof value === "string" && value.trim() !== ""
                ? Number(value)
                : Number.NaN;
            return Number.isFinite(amount) && within(amount, args);
        }
        case "email": {
            const value = toText(args("value"));
            return value.length <= 254 && /^[^\s@]{1,64}@[^\s@.]+(?:\.[^\s@.]+)*\.[^\s@.]{2,}$/.test(value);
        }
        case "formatString":
            return interpolate(toText(args("value")), scope, depth);
        case "formatNumber":
            return format(args);
        case "formatCurrency":
            return format(args, toText(args("currency")));
        case "formatDate":
            return formatDate(args("value"), toText(args("format")));
        case "pluralize":
            return pluralize(args);
        case "and":
            return operands(args).every(isTruthy);
        case "or":
            return operands(args).some(isTruthy);
        case "not":
            return !isTruthy(args("value"));
        case "openUrl":
            throw new FunctionError("openUrl opens only when a person presses its button");
        default:
            throw new FunctionError(`there is no function ${name.slice(0, 40)}`);
    }
}

function operands(args: Arguments): readonly Json[] {
    const values = args("values");
    if (!isArray(values) || values.length < 2) throw new FunctionError("and, or take at least two values");
    return values;
}

function within(amount: number, args: Arguments): boolean {
    const [min, max] = [args("min"), args("max")];
    return (typeof min !== "number" || amount >= min) && (typeof max !== "number" || amount <= max);
}

const patternLimit = 200;
const subjectLimit = 500;

/** Patterns are an agent's: what could take long is refused instead of run. */
function matches(value: string, pattern: string): boolean {
    if (pattern.length > patternLimit || value.length > subjectLimit) {
        throw new FunctionError(
            `a pattern has at most ${patternLimit} characters, and what it is held against ${subjectLimit}`,
        );
    }
    // A repeated group that itself repeats or chooses, or a reference back: the ways to exponential time.
    if (/\([^()]*[+*{|?][^()]*\)\s*[+*{]|\\[1-9]|\)\s*\)\s*[+*{]|[+*}]\s*[+*{]/.test(pattern)) {
        throw new FunctionError("the pattern repeats what repeats");
    }
    // Many open-ended repeats side by side are slow too.
    if ((pattern.match(/[+*]|,\}/g) ?? []).length > 4) {
        throw new FunctionError("the pattern repeats too often");
    }
    try {
        return new RegExp(pattern, "u").test(value);
    } catch {
        throw new FunctionError("the pattern is no regular expression");
    }
}

export function interpolate(template: string, scope: Scope, depth: number): string {
    return parseTemplate(template).map((part) => toText(partValue(part, scope, depth))).join("");
}

function partValue(part: Part, scope: Scope, depth: number): Json | undefined {
    switch (part.kind) {
        case "literal":
            return part.value;
        case "path":
            return read(scope.data, absolute(part.path, scope.path));
        case "call": {
            if (depth >= callDepth) throw new FunctionError(`calls are nested deeper than ${callDepth}`);
            const args = new Map(part.args);
            return invoke(
                part.name,
                (name) => {
                    const arg = args.get(name);
                    return arg && partValue(arg, scope, depth + 1);
                },
                scope,
                depth + 1,
            );
        }
    }
}

function format(args: Arguments, currency?: string): string {
    const decimals = args("decimals");
    const digits = decimals === undefined || decimals === null
        ? undefined
        : Math.max(0, Math.min(20, Math.round(toNumber(decimals))));
    const grouping = args("grouping");
    try {
        return new Intl.NumberFormat("en-US", {
            useGrouping: grouping === undefined || grouping === null || toBoolean(grouping),
            ...(digits === undefined ? {} : { minimumFractionDigits: digits, maximumFractionDigits: digits }),
            ...(currency === undefined ? {} : { style: "currency", currency }),
        }).format(toNumber(args("value")));
    } catch {
        throw new FunctionError(`${(currency ?? "").slice(0, 8)} is no currency`);
    }
}

const months = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/**
 * The tokens of Unicode TR35 that the catalog names. A date without a zone, or in UTC, is shown as it is
 * written.
 */
function formatDate(value: Json | undefined, pattern: string): string {
    const date = new Date(typeof value === "number" ? value : toText(value));
    if (Number.isNaN(date.getTime())) return "";
    const [year, month, day, weekday, hours, minutes, seconds] = [
        date.getUTCFullYear(),
        date.getUTCMonth(),
        date.getUTCDate(),
        date.getUTCDay(),
        date.getUTCHours(),
        date.getUTCMinutes(),
        date.getUTCSeconds(),
    ];
    const two = (amount: number): string => String(amount).padStart(2, "0");
    const month12 = months[month] ?? "";
    const tokens: { readonly [token: string]: string | undefined } = {
        yyyy: String(year),
        yy: two(year % 100),
        y: String(year),
        MMMM: month12,
        MMM: month12.slice(0, 3),
        MM: two(month + 1),
        M: String(month + 1),
        dd: two(day),
        d: String(day),
        EEEE: days[weekday],
        EEE: days[weekday]?.slice(0, 3),
        E: days[weekday]?.slice(0, 3),
        HH: two(hours),
        H: String(hours),
        hh: two(hours % 12 || 12),
        h: String(hours % 12 || 12),
        mm: two(minutes),
        m: String(minutes),
        ss: two(seconds),
        s: String(seconds),
        a: hours < 12 ? "AM" : "PM",
    };
    return pattern.slice(0, 200).replace(
        /'([^']*)'|y+|M+|d+|E+|H+|h+|m+|s+|a+/g,
        (token, quoted: string | undefined) => (
            quoted !== undefined
                ? quoted || "'"
                : Object.prototype.hasOwnProperty.call(tokens, token)
                ? tokens[token] ?? token
                : token
        ),
    );
}

function pluralize(args: Arguments): Json {
    const amount = toNumber(args("value"));
    const exact = amount === 0
        ? args("zero")
        : amount === 1
        ? args("one")
        : amount === 2
        ? args("two")
        : undefined;
    if (typeof exact === "string") return exact;
    const category = new Intl.PluralRules("en").select(amount);
    const named = args(category);
    return typeof named === "string" ? named : toText(args("other"));
}

/** The messages of the checks that fail; a check that cannot be evaluated fails. */
export function failedChecks(component: Json, scope: Scope): string[] {
    const checks = field(component, "checks");
    if (!isArray(checks)) return [];
    return checks.slice(0, 50).filter((check) =>
        !isTruthy(attempt(() => valueOf(field(check, "condition"), scope)))
    )
        .map((check) => text(check, "message") || "This is not valid.");
}
