// What agents draw: A2UI v0.9 messages folded into surfaces. The coordinator has checked them; they are
// checked again here, because a page that renders what an agent wrote trusts nobody. A message is applied
// whole or not at all.

import type { SessionEvent } from "../core/event";
import { field, flag, isArray, isObject, type Json, type JsonObject, text } from "../core/json";
import type { Model } from "../core/model";
import { withAgent } from "../core/foldTasks";
import { append } from "../core/tape";
import { PointerError, write } from "./pointer";

export interface Surface {
    readonly key: string;
    readonly id: string;
    /** Set by the coordinator; a surface cannot say whose it is. */
    readonly agent: string;
    readonly catalogId: string;
    readonly primaryColor: string | null;
    readonly sendDataModel: boolean;
    readonly components: ReadonlyMap<string, JsonObject>;
    readonly data: Json;
    readonly createdSeq: number;
    readonly updatedSeq: number;
    readonly updatedAt: number;
}

/** Bounds of one surface and of all. */
export const limits = {
    surfaces: 64,
    components: 5000,
    depth: 50,
    messages: 500,
    nodes: 4000,
    text: 20_000,
} as const;

export const basicCatalog = "https://a2ui.org/specification/v0_9/basic_catalog.json";
export const sessionCatalog = "openclaw/session/v1";

class SurfaceError extends Error {}

export function foldSurfaces(model: Model, event: SessionEvent): Model | null {
    if (event.type !== "canvas.changed") return null;
    const agent = text(event.data, "agent");
    const messages = field(event.data, "messages");
    let surfaces = new Map(model.surfaces);
    let problems = model.surfaceProblems;
    const note = (problem: string): void => {
        const { seq, at } = event;
        problems = append(problems, { seq, at, from: agent, to: "canvas", text: problem });
    };
    const all = isArray(messages) ? messages : [];
    if (all.length > limits.messages) note(`more than ${limits.messages} messages in one update`);
    for (const message of all.slice(0, limits.messages)) {
        try {
            surfaces = applyMessage(surfaces, message, agent, event);
        } catch (error) {
            if (!(error instanceof SurfaceError || error instanceof PointerError)) throw error;
            note(error.message);
        }
    }
    const next = { ...model, surfaces, surfaceProblems: problems };
    return withAgent(next, agent, event.at, {});
}

export function applyMessage(
    before: ReadonlyMap<string, Surface>,
    message: Json,
    agent: string,
    event: { seq: number; at: number },
): Map<string, Surface> {
    const surfaces = new Map(before);
    if (!isObject(message)) throw new SurfaceError("a message is an object");
    const version = text(message, "version");
    if (version !== "v0.9" && version !== "v0.9.1") {
        throw new SurfaceError(`version ${version || "missing"} is not v0.9`);
    }
    const verbs = Object.keys(message).filter((key) => key !== "version");
    const verb = verbs[0];
    if (verb === undefined || verbs.length !== 1) {
        throw new SurfaceError("a message has exactly one of its four verbs");
    }
    const body = field(message, verb);
    const given = text(body, "surfaceId");
    // The coordinator puts the agent before the agent's own name for it.
    const id = given.startsWith(`${agent}/`) ? given.slice(agent.length + 1) : given;
    if (id === "") throw new SurfaceError(`${verb} names no surface`);
    const key = `${agent}/${id}`;
    const known = surfaces.get(key);
    if (verb === "createSurface") {
        if (known) throw new SurfaceError(`Surface ${id} already exists`);
        if (surfaces.size >= limits.surfaces) {
            throw new SurfaceError(`there are ${limits.surfaces} surfaces already`);
        }
        surfaces.set(key, create(key, id, agent, body, event));
        return surfaces;
    }
    if (!known) throw new SurfaceError(`Surface not found for message: ${verb} ${id}`);
    const touched = { ...known, updatedSeq: event.seq, updatedAt: event.at };
    switch (verb) {
        case "updateComponents":
            surfaces.set(key, { ...touched, components: merge(known, body) });
            break;
        case "updateDataModel": {
            const path = text(body, "path") || "/";
            const value = field(body, "value");
            surfaces.set(key, { ...touched, data: write(known.data, path, value) });
            break;
        }
        case "deleteSurface":
            surfaces.delete(key);
            break;
        default:
            throw new SurfaceError(`${verb} is not a message of A2UI v0.9`);
    }
    return surfaces;
}

function create(
    key: string,
    id: string,
    agent: string,
    body: Json | undefined,
    { seq, at }: { seq: number; at: number },
): Surface {
    const catalogId = text(body, "catalogId");
    if (catalogId === "") throw new SurfaceError(`surface ${id} names no catalog`);
    const color = text(field(body, "theme"), "primaryColor");
    return {
        key,
        id,
        agent,
        catalogId,
        primaryColor: /^#[0-9a-fA-F]{6}$/.test(color) ? color : null,
        sendDataModel: flag(body, "sendDataModel"),
        components: new Map(),
        data: {},
        createdSeq: seq,
        updatedSeq: seq,
        updatedAt: at,
    };
}

function merge(surface: Surface, body: Json | undefined): Map<string, JsonObject> {
    const list = field(body, "components");
    if (!isArray(list) || list.length === 0) throw new SurfaceError("updateComponents brings no component");
    const components = new Map(surface.components);
    for (const item of list) {
        const id = text(item, "id");
        if (!isObject(item) || id === "" || text(item, "component") === "") {
            throw new SurfaceError("a component has an id and a component type");
        }
        components.set(id, item);
    }
    if (components.size > limits.components) {
        throw new SurfaceError(`surface ${surface.id} has more than ${limits.components} components`);
    }
    return components;
}
