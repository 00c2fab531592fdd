// What agents draw, each surface behind a fence that says whose it is. The fence, its words and everything
// outside of it are the page's own; what is inside cannot reach out of it.

import { memo, useMemo, useState } from "react";
import { act, useApp, useModel, useStore } from "../app";
import { Component, type Host } from "../a2ui/Component";
import { LocalWrites } from "../a2ui/local";
import { resolve } from "../a2ui/resolve";
import { basicCatalog, sessionCatalog, type Surface } from "../a2ui/surface";
import { clock } from "../core/format";
import { type Json } from "../core/json";
import { oneLine } from "../core/text";
import { whyNotSteer } from "../parts/Gate";
import { Boundary, Empty, Panel, RoleMark } from "../parts/basic";

export function DrawnView() {
    const surfaces = useModel((model) => model.surfaces);
    const list = useMemo(
        () => [...surfaces.values()].sort((left, right) => right.updatedSeq - left.updatedSeq),
        [surfaces],
    );
    if (list.length === 0) {
        return (
            <Panel title="Drawn by agents">
                <Empty title="No agent has drawn anything yet">
                    Agents can put up diagrams, results and questions here. What they draw stands behind a
                    fence and never looks like this page&apos;s own controls.
                </Empty>
            </Panel>
        );
    }
    return <div className="drawn">{list.map((surface) => <Fence key={surface.key} surface={surface} />)}
    </div>;
}

/** Catalogs that are known; what another one names is not drawn. */
const catalogs: ReadonlySet<string> = new Set([
    basicCatalog,
    "https://a2ui.org/specification/v0_9_1/basic_catalog.json",
    "https://a2ui.org/specification/v0_9/catalogs/basic/catalog.json",
    "https://a2ui.org/specification/v0_9_1/catalogs/basic/catalog.json",
]);

function isKnown(catalog: string): boolean {
    return catalogs.has(catalog) || catalog === sessionCatalog || catalog.endsWith(`/${sessionCatalog}`) ||
        catalog.endsWith(`/${sessionCatalog}/catalog.json`);
}

const Fence = memo(({ surface }: { surface: Surface }) => {
    const role = useModel((model) => model.agents.get(surface.agent)?.role ?? "");
    const name = oneLine(surface.agent, 80);
    return (
        <section className="fence" aria-label={`Drawn by ${name}`}>
            <header className="fence-head">
                <RoleMark role={role} />
                <h2>{`Drawn by ${name}`}</h2>
                <span className="muted mono">{oneLine(surface.id, 60)}</span>
                <span className="muted tabular">{clock(surface.updatedAt)}</span>
                <p className="fence-words">
                    An agent&apos;s drawing. Its buttons only send a message to that agent.
                </p>
            </header>
            <div
                className="fence-inner"
                style={surface.primaryColor === null ? {} : { borderTopColor: surface.primaryColor }}
            >
                <Boundary name="This drawing">
                    <Drawing surface={surface} />
                </Boundary>
            </div>
        </section>
    );
});

function Drawing({ surface }: { surface: Surface }) {
    const app = useApp();
    const [local] = useState(() => new LocalWrites());
    const [version, setVersion] = useState(0);
    const isPast = useStore((store) => store.cursor !== null);
    const data = useMemo(() => local.over(surface.data), [surface.data, version, local]);
    const root = useMemo(() => resolve(surface, data), [surface, data]);
    const host: Host = useMemo(() => ({
        agent: surface.agent,
        canAct: app.commands !== null && !isPast,
        write: (path: string, value: Json) => {
            local.write(surface.data, path, value);
            setVersion((before) => before + 1);
        },
        fire: (branch, name, context) => {
            const reason = whyNotSteer(app);
            if (reason !== "") return app.ui.say(reason);
            const fields = {
                surfaceId: surface.key,
                name,
                sourceComponentId: branch.id,
                context,
            };
            const whole: { readonly [key: string]: Json } = surface.sendDataModel
                ? { ...fields, dataModel: data }
                : fields;
            void act(
                app,
                "action",
                whole,
                app.store.live.tree,
                `Sent “${oneLine(name, 60)}” to ${oneLine(surface.agent, 60)}.`,
            );
            return undefined;
        },
    }), [surface, data, app, isPast, local]);
    if (!isKnown(surface.catalogId)) {
        return (
            <p className="a2-problem">
                {`The catalog ${oneLine(surface.catalogId, 200)} is not known here.`}
            </p>
        );
    }
    if (!root) return <p className="muted">It has no root component yet.</p>;
    return <Component branch={root} host={host} />;
}
