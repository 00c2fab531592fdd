// Signs for states. Each has a shape of its own, so that none is told by its colour alone.

export type State =
    | "working"
    | "done"
    | "waiting"
    | "attention"
    | "failed"
    | "paused"
    | "gone"
    | "starting"
    | "queued";

const names: { readonly [state in State]: string } = {
    working: "working",
    done: "done",
    waiting: "waiting",
    attention: "needs attention",
    failed: "failed",
    paused: "paused",
    gone: "ended",
    starting: "starting",
    queued: "queued",
};

export function Glyph({ state, label }: { state: State; label?: string }) {
    const name = label ?? names[state];
    return (
        <svg
            className={`glyph is-${state}`}
            viewBox="0 0 14 14"
            width="14"
            height="14"
            focusable="false"
            {...(name === "" ? { "aria-hidden": true } : { role: "img", "aria-label": name })}
        >
            {shape(state)}
        </svg>
    );
}

function shape(state: State) {
    switch (state) {
        case "working":
            return (
                <>
                    <circle
                        cx="7"
                        cy="7"
                        r="5.5"
                        fill="none"
                        stroke="currentColor"
                        strokeWidth="1.2"
                        className="halo"
                    />
                    <circle cx="7" cy="7" r="2.8" fill="currentColor" />
                </>
            );
        case "done":
            return (
                <path
                    d="M2.5 7.6 5.6 10.6 11.5 3.9"
                    fill="none"
                    stroke="currentColor"
                    strokeWidth="1.9"
                    strokeLinecap="round"
                    strokeLinejoin="round"
                />
            );
        case "waiting":
            return <circle cx="7" cy="7" r="4" fill="none" stroke="currentColor" strokeWidth="1.4" />;
        case "starting":
            return (
                <circle
                    cx="7"
                    cy="7"
                    r="4"
                    fill="none"
                    stroke="currentColor"
                    strokeWidth="1.6"
                    strokeDasharray="3 3.28"
                />
            );
        case "queued":
            return (
                <path
                    d="M3 4.5h8M3 7h8M3 9.5h5"
                    fill="none"
                    stroke="currentColor"
                    strokeWidth="1.4"
                    strokeLinecap="round"
                />
            );
        case "attention":
            return (
                <>
                    <path
                        d="M7 1.8 13 12.2H1Z"
                        fill="none"
                        stroke="currentColor"
                        strokeWidth="1.4"
                        strokeLinejoin="round"
                    />
                    <path
                        d="M7 5.6v3M7 10.2v.6"
                        stroke="currentColor"
                        strokeWidth="1.4"
                        strokeLinecap="round"
                    />
                </>
            );
        case "failed":
            return (
                <path
                    d="M3.2 3.2 10.8 10.8M10.8 3.2 3.2 10.8"
                    stroke="currentColor"
                    strokeWidth="1.9"
                    strokeLinecap="round"
                />
            );
        case "paused":
            return (
                <path
                    d="M4.6 3v8M9.4 3v8"
                    stroke="currentColor"
                    strokeWidth="2.2"
                    strokeLinecap="round"
                />
            );
        case "gone":
            return <path d="M3.5 7h7" stroke="currentColor" strokeWidth="1.6" strokeLinecap="round" />;
    }
}
