// A layered drawing of a graph without cycles: longest path gives the layers, a few sweeps of medians give
// the order in them, and edges over several layers get a lane of their own. Deterministic, so that a picture
// that grows stays the picture it was.

export interface GraphNode {
    readonly id: string;
    readonly dependsOn: readonly string[];
}

export interface Placed {
    readonly id: string;
    readonly layer: number;
    readonly row: number;
    readonly x: number;
    readonly y: number;
}

export interface Route {
    readonly from: string;
    readonly to: string;
    readonly points: readonly { readonly x: number; readonly y: number }[];
}

export interface Layout {
    readonly nodes: ReadonlyMap<string, Placed>;
    readonly edges: readonly Route[];
    readonly width: number;
    readonly height: number;
    readonly layers: readonly (readonly string[])[];
}

export interface Sizes {
    readonly width: number;
    readonly height: number;
    readonly gapX: number;
    readonly gapY: number;
}

/** Layers by longest path from the roots. What waits for itself is put where it is met first. */
export function layersOf(nodes: readonly GraphNode[]): Map<string, number> {
    const known = new Map(nodes.map((node) => [node.id, node]));
    const layers = new Map<string, number>();
    const onPath = new Set<string>();
    const depth = (id: string): number => {
        const done = layers.get(id);
        if (done !== undefined) return done;
        if (onPath.has(id)) return 0;
        onPath.add(id);
        let layer = 0;
        for (const dependency of known.get(id)?.dependsOn ?? []) {
            if (known.has(dependency)) layer = Math.max(layer, depth(dependency) + 1);
        }
        onPath.delete(id);
        layers.set(id, layer);
        return layer;
    };
    for (const node of nodes) depth(node.id);
    return layers;
}

interface Cell {
    readonly id: string;
    readonly isLane: boolean;
    before: string[];
    after: string[];
}

export function layout(nodes: readonly GraphNode[], sizes: Sizes): Layout {
    const layerOf = layersOf(nodes);
    const cells = new Map<string, Cell>();
    const layers: string[][] = [];
    const put = (id: string, layer: number, isLane: boolean): void => {
        cells.set(id, { id, isLane, before: [], after: [] });
        while (layers.length <= layer) layers.push([]);
        layers[layer]?.push(id);
    };
    for (const node of nodes) if (!cells.has(node.id)) put(node.id, layerOf.get(node.id) ?? 0, false);
    const chains: { from: string; to: string; cells: string[] }[] = [];
    for (const node of nodes) {
        for (const dependency of new Set(node.dependsOn)) {
            const from = layerOf.get(dependency);
            const to = layerOf.get(node.id) ?? 0;
            if (from === undefined || from >= to) continue;
            const chain = [dependency];
            for (let layer = from + 1; layer < to; layer += 1) {
                const lane = `\u0000${dependency}\u0000${node.id}\u0000${layer}`;
                put(lane, layer, true);
                chain.push(lane);
            }
            chain.push(node.id);
            for (let index = 1; index < chain.length; index += 1) link(cells, chain[index - 1], chain[index]);
            chains.push({ from: dependency, to: node.id, cells: chain });
        }
    }
    order(layers, cells);
    return draw(layers, cells, chains, sizes);
}

function link(cells: Map<string, Cell>, from: string | undefined, to: string | undefined): void {
    if (from === undefined || to === undefined) return;
    cells.get(from)?.after.push(to);
    cells.get(to)?.before.push(from);
}

const sweeps = 6;

function order(layers: string[][], cells: Map<string, Cell>): void {
    const places = new Map<string, number>();
    const number = (layer: readonly string[]): void => layer.forEach((id, index) => places.set(id, index));
    layers.forEach(number);
    for (let sweep = 0; sweep < sweeps; sweep += 1) {
        const isDown = sweep % 2 === 0;
        const sequence = isDown ? layers : [...layers].reverse();
        for (const layer of sequence) {
            const weight = new Map<string, number>();
            layer.forEach((id, index) => {
                const cell = cells.get(id);
                const near = (isDown ? cell?.before : cell?.after) ?? [];
                const sum = near.reduce((total, other) => total + (places.get(other) ?? 0), 0);
                weight.set(id, near.length === 0 ? index : sum / near.length);
            });
            layer.sort((left, right) =>
                (weight.get(left) ?? 0) - (weight.get(right) ?? 0) ||
                (places.get(left) ?? 0) - (places.get(right) ?? 0)
            );
            number(layer);
        }
    }
}

function draw(
    layers: readonly (readonly string[])[],
    cells: ReadonlyMap<string, Cell>,
    chains: readonly { from: string; to: string; cells: readonly string[] }[],
    sizes: Sizes,
): Layout {
    const laneHeight = 6;
    const sizeOf = (id: string): number => (cells.get(id)?.isLane ? laneHeight : sizes.height);
    // Lanes lie closer together than nodes do.
    const gapAfter = (layer: readonly string[], row: number): number => {
        const next = layer[row + 1];
        if (next === undefined) return 0;
        return cells.get(layer[row] ?? "")?.isLane && cells.get(next)?.isLane ? sizes.gapY / 3 : sizes.gapY;
    };
    const heights = layers.map((layer) =>
        layer.reduce((sum, id, row) => sum + sizeOf(id) + gapAfter(layer, row), 0)
    );
    const height = Math.max(sizes.height, ...heights);
    const centers = new Map<string, { x: number; y: number }>();
    const nodes = new Map<string, Placed>();
    layers.forEach((layer, index) => {
        const x = index * (sizes.width + sizes.gapX);
        let y = (height - (heights[index] ?? 0)) / 2;
        layer.forEach((id, row) => {
            const isLane = cells.get(id)?.isLane ?? false;
            const own = sizeOf(id);
            centers.set(id, { x: x + sizes.width / 2, y: y + own / 2 });
            if (!isLane) nodes.set(id, { id, layer: index, row, x, y });
            y += own + gapAfter(layer, row);
        });
    });
    const edges = chains.map((chain) => ({
        from: chain.from,
        to: chain.to,
        points: chain.cells.flatMap((id, index) => {
            const center = centers.get(id);
            if (!center) return [];
            const right = { x: center.x + sizes.width / 2, y: center.y };
            const left = { x: center.x - sizes.width / 2, y: center.y };
            if (index === 0) return [right];
            return index === chain.cells.length - 1 ? [left] : [left, right];
        }),
    }));
    return {
        nodes,
        edges,
        height,
        width: Math.max(sizes.width, layers.length * (sizes.width + sizes.gapX) - sizes.gapX),
        layers: layers.map((layer) => layer.filter((id) => !(cells.get(id)?.isLane ?? true))),
    };
}

/** The chain of dependencies that takes longest, from its first to its last. */
export function criticalPath(nodes: readonly GraphNode[], cost: (id: string) => number): string[] {
    const known = new Map(nodes.map((node) => [node.id, node]));
    const best = new Map<string, { total: number; before: string | null }>();
    const onPath = new Set<string>();
    const measure = (id: string): number => {
        const done = best.get(id);
        if (done) return done.total;
        if (onPath.has(id)) return 0;
        onPath.add(id);
        let before: string | null = null;
        let longest = 0;
        for (const dependency of known.get(id)?.dependsOn ?? []) {
            if (!known.has(dependency)) continue;
            const total = measure(dependency);
            if (before === null || total > longest) [before, longest] = [dependency, total];
        }
        onPath.delete(id);
        const total = longest + Math.max(0, cost(id));
        best.set(id, { total, before });
        return total;
    };
    let end: string | null = null;
    for (const node of nodes) if (end === null || measure(node.id) > measure(end)) end = node.id;
    const path: string[] = [];
    for (let at = end; at !== null && !path.includes(at); at = best.get(at)?.before ?? null) path.unshift(at);
    return path;
}

/** An SVG path with soft bends through the points. */
export function curve(points: Route["points"]): string {
    const [first, ...rest] = points;
    if (!first) return "";
    let path = `M${first.x} ${first.y}`;
    let from = first;
    for (const to of rest) {
        const middle = (to.x - from.x) / 2;
        path += from.y === to.y
            ? `L${to.x} ${to.y}`
            : `C${from.x + middle} ${from.y} ${to.x - middle} ${to.y} ${to.x} ${to.y}`;
        from = to;
    }
    return path;
}
