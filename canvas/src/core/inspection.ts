// The list of what a diff cannot show, made by the host. Everything in it was made safe to show there; here it is text
// like any other.

import { field, isArray, type Json, optionalText, text } from "./json";

export interface InspectionItem {
    readonly kind: string;
    readonly path: string;
    readonly detail: string;
    readonly needsPerson: boolean;
    /** The person's rule that lets it pass; null when there is none. */
    readonly allowedBy: string | null;
}

export interface Inspection {
    readonly commit: string;
    readonly tree: string;
    readonly items: readonly InspectionItem[];
    /** What was left out, "KIND: N more". */
    readonly omitted: readonly string[];
}

/** Null for what is no list: then nobody knows what the diff does not show. */
export function readInspection(json: Json | undefined): Inspection | null {
    const items = field(json, "items");
    if (!isArray(items)) return null;
    const omitted = field(json, "omitted");
    return {
        commit: text(json, "commit"),
        tree: text(json, "tree"),
        items: items.map((item) => ({
            kind: text(item, "kind"),
            path: text(item, "path"),
            detail: text(item, "detail"),
            needsPerson: field(item, "needs_person") !== false,
            allowedBy: optionalText(item, "allowed_by"),
        })),
        omitted: typeof omitted === "object" && omitted !== null && !isArray(omitted)
            ? Object.entries(omitted).map(([kind, count]) => `${kind}: ${String(count)} more`)
            : [],
    };
}
