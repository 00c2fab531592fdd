// A diagram out of nodes and edges that an agent names: laid out here, so that nothing of it is a drawing
// program.

import { useMemo } from "react";
import { curve, type Layout, layout } from "../core/dag";
import { field, isArray, type Json, text } from "../core/json";
import { oneLine } from "../core/text";
import type { Branch } from "./resolve";
import { attempt, type Scope, textOf, valueOf } from "./values";

interface Box {
    readonly id: string;
    readonly label: string;
    readonly kind: string;
    readonly group: string;
    readonly dependsOn: readonly string[];
}

interface Arrow {
    readonly from: string;
    readonly to: string;
    readonly label: string;
}

const nodeLimit = 200;
const edgeLimit = 600;
const sizes = { width: 168, height: 46, gapX: 64, gapY: 14 };
const margin = 12;
const kinds: ReadonlySet<string> = new Set([
    "component",
    "service",
    "store",
    "queue",
    "actor",
    "file",
    "external",
    "component",
]);

export function Diagram({ branch }: { branch: Branch }) {
    const { component, scope } = branch;
    const { boxes, arrows, groups } = useMemo(() => read(component, scope), [
        component,
        scope.data,
        scope.path,
    ]);
    const picture = useMemo(() => layout(boxes, sizes), [boxes]);
    const title = oneLine(textOf(field(component, "title"), scope), 200);
    if (boxes.length === 0) return <p className="muted">The diagram has no nodes yet.</p>;
    const names = new Map(boxes.map((box) => [box.id, box.label]));
    const width = picture.width + margin * 2;
    const back = backward(arrows, picture);
    // Ways back run below the nodes.
    const height = picture.height + margin * 2 + (back.length > 0 ? 20 : 0);
    return (
        <figure className="a2-diagram">
            {title === "" ? null : (
                <figcaption dir="auto">
                    <strong>{title}</strong>
                </figcaption>
            )}
            <div
                className="graph-scroll"
                tabIndex={0}
                role="group"
                aria-label={`${
                    title || "Diagram"
                }: ${boxes.length} nodes; the list below has the connections`}
            >
                <div className="graph" style={{ width, height }} aria-hidden="true">
                    <svg width={width} height={height}>
                        <g transform={`translate(${margin} ${margin})`}>
                            {picture.edges.map((edge) => (
                                <g key={`${edge.from}\u0000${edge.to}`}>
                                    <path d={curve(edge.points)} fill="none" className="edge" />
                                    <ArrowHead points={edge.points} />
                                </g>
                            ))}
                            {back.map((arrow, index) => (
                                <path key={index} d={arrow} fill="none" className="edge is-back" />
                            ))}
                            {arrows.map((arrow, index) => (
                                <EdgeLabel key={index} arrow={arrow} picture={picture} />
                            ))}
                        </g>
                    </svg>
                    {boxes.map((box) => {
                        const place = picture.nodes.get(box.id);
                        if (!place) return null;
                        const group = groups.get(box.group);
                        return (
                            <div
                                key={box.id}
                                className={`box kind-${kinds.has(box.kind) ? box.kind : "component"}`}
                                title={box.label}
                                style={{
                                    left: place.x + margin,
                                    top: place.y + margin,
                                    width: sizes.width,
                                    height: sizes.height,
                                }}
                            >
                                <span className="box-label" dir="auto">{box.label}</span>
                                <span className="box-note">
                                    {[box.kind, group].filter((word) => word !== undefined && word !== "")
                                        .join(" · ")}
                                </span>
                            </div>
                        );
                    })}
                </div>
            </div>
            <details>
                <summary>{`Connections as a list (${arrows.length})`}</summary>
                <ul className="a2-bullets">
                    {arrows.map((arrow, index) => (
                        <li key={index} dir="auto">
                            {`${names.get(arrow.from) ?? arrow.from} → ${names.get(arrow.to) ?? arrow.to}${
                                arrow.label === "" ? "" : `: ${arrow.label}`
                            }`}
                        </li>
                    ))}
                </ul>
            </details>
        </figure>
    );
}

function read(
    component: Json,
    scope: Scope,
): { boxes: Box[]; arrows: Arrow[]; groups: ReadonlyMap<string, string> } {
    const items = (name: string): readonly Json[] => {
        const value = attempt(() => valueOf(field(component, name), scope));
        return isArray(value) ? value : [];
    };
    const words = (item: Json, name: string, limit: number): string =>
        oneLine(textOf(field(item, name), scope), limit);
    const arrows = items("edges").slice(0, edgeLimit).map((item) => ({
        from: text(item, "from"),
        to: text(item, "to"),
        label: words(item, "label", 60),
    }));
    const groups = new Map(
        items("groups").slice(0, nodeLimit).map((item) => [text(item, "id"), words(item, "label", 40)]),
    );
    const seen = new Set<string>();
    const boxes: Box[] = [];
    for (const item of items("nodes").slice(0, nodeLimit)) {
        const id = text(item, "id");
        if (id === "" || seen.has(id)) continue;
        seen.add(id);
        boxes.push({
            id,
            label: words(item, "label", 120) || oneLine(id, 120),
            kind: words(item, "kind", 24),
            group: text(item, "group"),
            dependsOn: [],
        });
    }
    return { boxes: withoutCycles(boxes, arrows), arrows, groups };
}

/** Layers need a graph without cycles: an edge that would close one is drawn as a way back instead. */
function withoutCycles(boxes: readonly Box[], arrows: readonly Arrow[]): Box[] {
    const before = new Map<string, string[]>(boxes.map((box) => [box.id, []]));
    const reaches = (from: string, goal: string, seen = new Set<string>()): boolean => {
        if (from === goal) return true;
        if (seen.has(from)) return false;
        seen.add(from);
        return (before.get(from) ?? []).some((next) => reaches(next, goal, seen));
    };
    for (const { from, to } of arrows) {
        if (from === to || !before.has(from) || !before.has(to)) continue;
        if (!reaches(from, to)) before.get(to)?.push(from);
    }
    return boxes.map((box) => ({ ...box, dependsOn: before.get(box.id) ?? [] }));
}

/** Edges that go against the layers, as arcs below the nodes. */
function backward(arrows: readonly Arrow[], picture: Layout): string[] {
    return arrows.flatMap(({ from, to }) => {
        const [start, end] = [picture.nodes.get(from), picture.nodes.get(to)];
        if (!start || !end || start.layer < end.layer || from === to) return [];
        const [x1, y1] = [start.x + sizes.width / 2, start.y + sizes.height];
        const [x2, y2] = [end.x + sizes.width / 2, end.y + sizes.height];
        return [`M${x1} ${y1}C${x1} ${y1 + 26} ${x2} ${y2 + 26} ${x2} ${y2}`];
    });
}

function ArrowHead({ points }: { points: readonly { x: number; y: number }[] }) {
    const end = points[points.length - 1];
    if (!end) return null;
    return (
        <path
            d={`M${end.x - 6} ${end.y - 3.5}L${end.x} ${end.y}L${end.x - 6} ${end.y + 3.5}Z`}
            className="arrow"
        />
    );
}

function EdgeLabel({ arrow, picture }: { arrow: Arrow; picture: Layout }) {
    const route = picture.edges.find((edge) => edge.from === arrow.from && edge.to === arrow.to);
    const [first, second] = route?.points ?? [];
    if (!first || !second || arrow.label === "") return null;
    return (
        <text
            x={(first.x + second.x) / 2}
            y={(first.y + second.y) / 2 - 4}
            textAnchor="middle"
            className="edge-label"
        >
            {arrow.label.length > 10 ? `${arrow.label.slice(0, 9)}…` : arrow.label}
        </text>
    );
}
