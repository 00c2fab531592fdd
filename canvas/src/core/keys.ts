// Every key that does something, in one list: the sheet that `?` opens is made of it.

import type { App } from "../app";
import { togglePause, whyNotApprove, whyNotSteer } from "../parts/Gate";
import { at } from "./tape";
import { views } from "./ui";

export interface Binding {
    /** As shown; several keys with the same meaning are separated by a space. */
    readonly keys: string;
    readonly label: string;
    readonly group: string;
    readonly run: (app: App, key: string) => void;
}

export const bindings: readonly Binding[] = [
    {
        keys: views.map((_, index) => String(index + 1)).join(" "),
        label: views.map((view) => view.label).join(", "),
        group: "Views",
        run: (app, key) => {
            const view = views[Number(key) - 1];
            if (view) app.ui.show(view.id);
        },
    },
    {
        keys: "/",
        label: "Search the output",
        group: "Views",
        run: (app) => {
            app.ui.show("dashboard");
            focusSoon("log-search");
        },
    },
    {
        keys: "j k",
        label: "Next and previous agent's output",
        group: "Views",
        run: (app, key) => nextAgent(app, key === "j" ? 1 : -1),
    },
    {
        keys: "t",
        label: "Theme: system, light, dark",
        group: "Views",
        run: (app) => {
            app.ui.cycleTheme();
            app.ui.say(`Theme: ${app.ui.state.theme}.`);
        },
    },
    { keys: "?", label: "This sheet", group: "Views", run: (app) => app.ui.set({ dialog: "keys" }) },
    {
        keys: "a",
        label: "Approve and merge",
        group: "Session",
        run: (app) => guarded(app, whyNotApprove(app), () => app.ui.set({ dialog: "approve" })),
    },
    {
        keys: "d",
        label: "Deny",
        group: "Session",
        run: (app) => guarded(app, whyNotApprove(app), () => app.ui.set({ dialog: "deny" })),
    },
    {
        keys: "y",
        label: "Answer the oldest question",
        group: "Session",
        run: (app) => {
            const oldest = app.store.live.questions[0];
            guarded(app, oldest ? whyNotSteer(app) : "Nothing is asked.", () =>
                app.ui.set({ dialog: "answer", question: oldest?.id ?? "" }));
        },
    },
    {
        keys: "p",
        label: "Pause or resume all",
        group: "Session",
        run: (app) =>
            guarded(app, whyNotSteer(app), () => {
                void togglePause(app);
            }),
    },
    {
        keys: "x",
        label: "Cancel",
        group: "Session",
        run: (app) => guarded(app, whyNotSteer(app), () => app.ui.set({ dialog: "cancel" })),
    },
    {
        keys: "m",
        label: "Message to agents",
        group: "Session",
        run: (app) => guarded(app, whyNotSteer(app), () => app.ui.set({ dialog: "message" })),
    },
    {
        keys: "[ ]",
        label: "One event back, one forward",
        group: "Time",
        run: (app, key) => step(app, key === "[" ? -1 : 1),
    },
    {
        keys: "{ }",
        label: "Previous and next milestone",
        group: "Time",
        run: (app, key) => milestone(app, key === "{" ? -1 : 1),
    },
    {
        keys: "l",
        label: "Back to live",
        group: "Time",
        run: (app) => {
            app.store.scrub(null);
            app.ui.writeAddress();
        },
    },
];

export function listen(app: App): void {
    document.addEventListener("keydown", (event) => {
        if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
        if (!app.ui.state.hasShortcuts && event.key !== "?") return;
        if (app.ui.state.dialog !== null || isTyping(event.target)) return;
        const binding = bindings.find((one) => one.keys.split(" ").includes(event.key));
        if (!binding) return;
        event.preventDefault();
        binding.run(app, event.key);
    });
}

/** Controls that take text; a slider or a box to tick takes none. */
function isTyping(target: EventTarget | null): boolean {
    if (target instanceof HTMLInputElement) {
        return !["range", "checkbox", "radio", "button"].includes(target.type);
    }
    return target instanceof HTMLElement &&
        (target.isContentEditable || ["TEXTAREA", "SELECT"].includes(target.tagName));
}

function guarded(app: App, reason: string, run: () => void): void {
    if (reason === "") run();
    else app.ui.say(reason);
}

function focusSoon(id: string): void {
    requestAnimationFrame(() => requestAnimationFrame(() => document.getElementById(id)?.focus()));
}

function nextAgent(app: App, by: number): void {
    const ids = [...app.store.shown.agents.keys()];
    if (ids.length === 0) return;
    const index = ids.indexOf(app.ui.state.agent);
    app.ui.set({ agent: ids[(index + by + ids.length) % ids.length] ?? "" });
}

export function step(app: App, by: number): void {
    const { store, ui } = app;
    store.scrub((store.cursor ?? store.log.head) + by);
    ui.writeAddress();
}

export function milestone(app: App, by: number): void {
    const { store, ui } = app;
    const now = store.cursor ?? store.log.head;
    const ticks = store.live.ticks;
    let target: number | null = null;
    for (let index = 0; index < ticks.length; index += 1) {
        const seq = at(ticks, index)?.seq ?? 0;
        if (by < 0 && seq < now) target = seq;
        if (by > 0 && seq > now) {
            target = seq;
            break;
        }
    }
    if (target === null) return by > 0 ? void (store.scrub(null), ui.writeAddress()) : undefined;
    store.scrub(target);
    ui.writeAddress();
}
