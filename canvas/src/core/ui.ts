// What a viewer chose: which view, whose output, which theme, which moment. It is in the address, so that a
// link shows the same again; the token never is.

import type { Store } from "./store";

export const views = [
    { id: "dashboard", label: "Dashboard" },
    { id: "flow", label: "Flow" },
    { id: "review", label: "Review" },
    { id: "tests", label: "Tests" },
    { id: "cost", label: "Cost" },
    { id: "timeline", label: "Timeline" },
    { id: "drawn", label: "Drawn" },
    { id: "audit", label: "Audit" },
] as const;

export type ViewId = (typeof views)[number]["id"];
export type DialogName = "approve" | "deny" | "answer" | "cancel" | "message" | "keys";
export type Theme = "system" | "light" | "dark";

export interface UiState {
    readonly view: ViewId;
    readonly agent: string;
    readonly dialog: DialogName | null;
    /** The question that the dialog is about. */
    readonly question: string;
    readonly theme: Theme;
    readonly hasShortcuts: boolean;
    /** The last word to the viewer about what they asked for. */
    readonly notice: { readonly text: string; readonly isBad: boolean; readonly id: number } | null;
    readonly task: string;
    readonly file: string;
}

export class Ui {
    state: UiState;
    private readonly listeners = new Set<() => void>();
    private noticeTimer = 0;
    private pendingSeq: number | null = null;

    constructor(private readonly store: Store) {
        const fragment = new URLSearchParams(location.hash.slice(1));
        this.state = {
            view: viewOf(fragment.get("view")),
            agent: fragment.get("agent") ?? "",
            dialog: null,
            question: "",
            theme: themeOf(remembered("theme")),
            hasShortcuts: remembered("shortcuts") !== "off",
            notice: null,
            task: fragment.get("task") ?? "",
            file: fragment.get("file") ?? "",
        };
        const seq = Number(fragment.get("seq"));
        if (Number.isSafeInteger(seq) && seq > 0) this.pendingSeq = seq;
        this.applyTheme();
        window.addEventListener("hashchange", () => {
            const next = new URLSearchParams(location.hash.slice(1));
            if (next.has("token")) return;
            this.set({
                view: viewOf(next.get("view")),
                agent: next.get("agent") ?? this.state.agent,
                task: next.get("task") ?? "",
                file: next.get("file") ?? "",
            });
        });
        store.subscribe(() => this.seek());
    }

    subscribe = (listener: () => void): () => void => {
        this.listeners.add(listener);
        return () => this.listeners.delete(listener);
    };

    set(change: Partial<UiState>): void {
        const before = this.state;
        this.state = { ...before, ...change };
        if (change.theme !== undefined && change.theme !== before.theme) {
            remember("theme", change.theme);
            this.applyTheme();
        }
        if (change.hasShortcuts !== undefined) remember("shortcuts", change.hasShortcuts ? "on" : "off");
        this.writeAddress();
        for (const listener of [...this.listeners]) listener();
    }

    show(view: ViewId): void {
        this.set({ view });
    }

    say(text: string, isBad = false): void {
        window.clearTimeout(this.noticeTimer);
        this.set({ notice: { text, isBad, id: (this.state.notice?.id ?? 0) + 1 } });
        // A failure stays until it is read.
        if (!isBad) this.noticeTimer = window.setTimeout(() => this.set({ notice: null }), 6000);
    }

    cycleTheme(): void {
        const order: readonly Theme[] = ["system", "light", "dark"];
        this.set({ theme: order[(order.indexOf(this.state.theme) + 1) % order.length] ?? "system" });
    }

    /** The moment that is shown belongs to the address. */
    writeAddress(): void {
        const fragment = new URLSearchParams();
        if (this.state.view !== "dashboard") fragment.set("view", this.state.view);
        if (this.state.agent !== "") fragment.set("agent", this.state.agent);
        if (this.state.task !== "") fragment.set("task", this.state.task);
        if (this.state.file !== "") fragment.set("file", this.state.file);
        const seq = this.store.cursor ?? this.pendingSeq;
        if (seq !== null) fragment.set("seq", String(seq));
        const next = fragment.toString();
        const address = location.pathname + location.search + (next === "" ? "" : `#${next}`);
        try {
            history.replaceState(null, "", address);
        } catch {
            // Browsers limit how often the address may change; the next change writes it.
        }
    }

    /** A link that names a moment waits until the log has come that far. */
    private seek(): void {
        const seq = this.pendingSeq;
        if (seq === null || this.store.log.head < seq) return;
        this.pendingSeq = null;
        this.store.scrub(seq);
    }

    private applyTheme(): void {
        const root = document.documentElement;
        if (this.state.theme === "system") root.removeAttribute("data-theme");
        else root.setAttribute("data-theme", this.state.theme);
    }
}

function viewOf(name: string | null): ViewId {
    return views.find((view) => view.id === name)?.id ?? "dashboard";
}

function themeOf(name: string | null): Theme {
    return name === "light" || name === "dark" ? name : "system";
}

/** Only preferences are kept. A browser may refuse that, and then they last as long as the page. */
function remembered(key: string): string | null {
    try {
        return localStorage.getItem(`openclaw.${key}`);
    } catch {
        return null;
    }
}

function remember(key: string, value: string): void {
    try {
        localStorage.setItem(`openclaw.${key}`, value);
    } catch {
        // See above.
    }
}
