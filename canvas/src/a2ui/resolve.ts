// From the flat list of components that an agent sends to the tree that is drawn: bounded in depth and in
// size, without cycles, with a placeholder for what has not come yet.

import { field, isArray, type Json, type JsonObject, text } from "../core/json";
import { absolute, read } from "./pointer";
import { limits, type Surface } from "./surface";
import type { Scope } from "./values";

export interface Branch {
    /** Its place in the tree, the same from one drawing to the next. */
    readonly key: string;
    readonly id: string;
    readonly type: string;
    readonly component: JsonObject;
    readonly scope: Scope;
    /** Children in order; for a component with named places, in the order of the places. */
    readonly children: readonly Branch[];
    /** Why nothing can be drawn here. */
    readonly problem: "missing" | "cycle" | "depth" | "size" | null;
}

/** Names of properties that hold one component's id. */
const places: { readonly [type: string]: readonly string[] | undefined } = {
    Card: ["child"],
    Button: ["child"],
    Modal: ["trigger", "content"],
};

export function resolve(surface: Surface, data: Json): Branch | null {
    if (!surface.components.has("root")) return null;
    return new Resolver(surface, data).branch("root", "", "root", []);
}

class Resolver {
    private left: number = limits.nodes;

    constructor(private readonly surface: Surface, private readonly data: Json) {}

    branch(id: string, path: string, key: string, above: readonly string[]): Branch {
        const component = this.surface.components.get(id);
        const scope = { data: this.data, path };
        const blank = (problem: Branch["problem"]): Branch => ({
            key,
            id,
            type: component ? text(component, "component") : "",
            component: component ?? {},
            scope,
            children: [],
            problem,
        });
        this.left -= 1;
        if (this.left < 0) return blank("size");
        if (!component) return blank("missing");
        if (above.length >= limits.depth) return blank("depth");
        // The same component below itself is a cycle, unless a template moved on to an inner list.
        const place = `${id}\u0000${path}`;
        if (above.includes(place)) return blank("cycle");
        const type = text(component, "component");
        const inner = [...above, place];
        const children = this.children(component, type, path, key, inner);
        return { key, id, type, component, scope, children, problem: null };
    }

    private children(
        component: JsonObject,
        type: string,
        path: string,
        key: string,
        above: readonly string[],
    ): Branch[] {
        const named = Object.prototype.hasOwnProperty.call(places, type) ? places[type] : undefined;
        if (named) {
            return named.map((name) => this.branch(text(component, name), path, `${key}.${name}`, above));
        }
        if (type === "Tabs") {
            const tabs = field(component, "tabs");
            return (isArray(tabs) ? tabs : []).slice(0, 50)
                .map((tab, index) => this.branch(text(tab, "child"), path, `${key}.${index}`, above));
        }
        const list = field(component, "children");
        if (isArray(list)) {
            return this.each(list, (id, index) =>
                this.branch(
                    typeof id === "string" ? id : "",
                    path,
                    `${key}.${index}`,
                    above,
                ));
        }
        const template = text(list, "componentId");
        if (template === "") return [];
        const base = absolute(text(list, "path"), path);
        const items = read(this.data, base);
        if (!isArray(items)) return [];
        return this.each(items, (_, index) =>
            this.branch(
                template,
                `${base === "/" ? "" : base}/${index}`,
                `${key}.${index}`,
                above,
            ));
    }

    /** A list is drawn as far as there is room, and one placeholder says that there is more. */
    private each(items: readonly Json[], draw: (item: Json, index: number) => Branch): Branch[] {
        const branches: Branch[] = [];
        for (let index = 0; index < items.length; index += 1) {
            branches.push(draw(items[index] ?? null, index));
            if (this.left < 0) break;
        }
        return branches;
    }
}
