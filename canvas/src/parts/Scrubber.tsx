// One slider that rewinds every view: all of them are folds over the log up to where it stands.

import { useMemo } from "react";
import { useApp, useStore } from "../app";
import { milestone, step } from "../core/keys";
import { clock } from "../core/format";
import { slice } from "../core/tape";
import { eventLine } from "../core/words";
import { oneLine } from "../core/text";

export function Scrubber() {
    const app = useApp();
    const { store, ui } = app;
    const head = useStore((one) => one.log.head);
    const first = useStore((one) => one.first);
    const trouble = useStore((one) => one.pastTrouble);
    const isThere = useStore((one) => one.cursor === null || one.shown.seq === one.cursor);
    const cursor = useStore((one) => one.cursor);
    const ticks = useStore((one) => one.live.ticks);
    const isReplay = useStore((one) => one.link.state === "replay");
    const at = cursor ?? head;
    const event = store.log.get(at);
    const line = event ? eventLine(event, store.shown) : null;
    const words = !isThere
        ? trouble === "fetching" ? "fetching what was then" : `not shown: ${oneLine(trouble, 80)}`
        : line
        ? oneLine(`${line.who}: ${line.words}`, 90)
        : "no event yet";
    const marks = useMemo(() => thin(slice(ticks), first, head), [ticks, first, head]);
    const isDisabled = head <= first;
    return (
        <footer className="scrubber" aria-label="Moment that is shown">
            <div className="scrubber-buttons">
                <Move
                    label="Previous milestone"
                    sign="{"
                    isEdge
                    isDisabled={isDisabled}
                    go={() => milestone(app, -1)}
                    icon="M3 2.5v7M9.5 2.5 5 6l4.5 3.5Z"
                />
                <Move
                    label="One event back"
                    sign="["
                    isDisabled={isDisabled}
                    go={() => step(app, -1)}
                    icon="M8.5 2.5 4 6l4.5 3.5Z"
                />
                <Move
                    label="One event forward"
                    sign="]"
                    isDisabled={isDisabled}
                    go={() => step(app, 1)}
                    icon="M3.5 2.5 8 6 3.5 9.5Z"
                />
                <Move
                    label="Next milestone"
                    sign="}"
                    isEdge
                    isDisabled={isDisabled}
                    go={() => milestone(app, 1)}
                    icon="M9 2.5v7M2.5 2.5 7 6 2.5 9.5Z"
                />
            </div>
            <div className="scrubber-track">
                <svg
                    className="scrubber-ticks"
                    viewBox="0 0 1000 10"
                    preserveAspectRatio="none"
                    aria-hidden="true"
                >
                    {marks.map(({ x, kind }) => (
                        <line
                            key={`${x}${kind}`}
                            className={`tick tick-${kind}`}
                            x1={x}
                            x2={x}
                            y1="0"
                            y2="10"
                        />
                    ))}
                </svg>
                <input
                    type="range"
                    aria-label="Event that is shown"
                    min={first}
                    max={Math.max(first, head)}
                    value={at}
                    disabled={isDisabled}
                    aria-valuetext={`event ${at} of ${head}: ${words}`}
                    onChange={(change) => {
                        store.scrub(Number(change.currentTarget.value));
                        ui.writeAddress();
                    }}
                />
            </div>
            <p className="scrubber-where">
                <span className="tabular" data-seq={isThere ? at : undefined}>{`${at}/${head}`}</span>
                <span className="tabular muted">{event ? clock(event.at) : "--:--:--"}</span>
                <span className="scrubber-words muted" dir="auto" role={isThere ? undefined : "status"}>
                    {words}
                </span>
            </p>
            <button
                type="button"
                className={cursor === null ? "button small" : "button small primary"}
                aria-pressed={cursor === null}
                title="Back to live (l)"
                onClick={() => {
                    store.scrub(null);
                    ui.writeAddress();
                }}
            >
                {isReplay ? "End" : "Live"}
            </button>
        </footer>
    );
}

function Move({ label, sign, icon, isEdge, isDisabled, go }: {
    label: string;
    /** The key that does the same. */
    sign: string;
    icon: string;
    /** To an end of something, which a narrow screen has no room for. */
    isEdge?: boolean;
    isDisabled: boolean;
    go: () => void;
}) {
    return (
        <button
            type="button"
            className={isEdge ? "button small edge-button" : "button small"}
            aria-label={label}
            title={`${label} (${sign})`}
            disabled={isDisabled}
            onClick={go}
        >
            <Icon d={icon} />
        </button>
    );
}

function Icon({ d }: { d: string }) {
    return (
        <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true" focusable="false">
            <path
                d={d}
                fill="currentColor"
                stroke="currentColor"
                strokeWidth="1.3"
                strokeLinejoin="round"
                strokeLinecap="round"
            />
        </svg>
    );
}

/** At most one tick for each 250th of the width; trouble is never the one that is left out. */
function thin(ticks: readonly { seq: number; kind: string }[], first: number, head: number) {
    const places = new Map<number, string>();
    const width = Math.max(1, head - first);
    for (const { seq, kind } of ticks) {
        const x = Math.round(((seq - first) / width) * 250) * 4;
        if (places.get(x) === "trouble") continue;
        places.set(x, kind);
    }
    return [...places].map(([x, kind]) => ({ x, kind }));
}
