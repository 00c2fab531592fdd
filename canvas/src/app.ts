// What the views share: the store, the viewer's choices, and the ways to the coordinator.

import { createContext, useContext, useSyncExternalStore } from "react";
import type { Commands } from "./core/commands";
import type { Connection } from "./core/connection";
import { harmless } from "./core/text";
import type { Json } from "./core/json";
import type { Model } from "./core/model";
import type { Store } from "./core/store";
import type { Ui, UiState } from "./core/ui";

export interface App {
    readonly store: Store;
    readonly ui: Ui;
    /** Nil in a replay, which can only be looked at. */
    readonly commands: Commands | null;
    readonly connection: Connection | null;
    /** What a replay brought along in place of the API: `diff`, `cost`, `verify`. */
    readonly documents: ReadonlyMap<string, Json>;
}

export const AppContext = createContext<App | null>(null);

export function useApp(): App {
    const app = useContext(AppContext);
    if (!app) throw new Error("there is no app around this component");
    return app;
}

/** A part of the store. It must be the same value while nothing in it changed. */
export function useStore<T>(select: (store: Store) => T): T {
    const { store } = useApp();
    return useSyncExternalStore(store.subscribe, () => select(store));
}

/** A part of the session at the moment that is shown. */
export function useModel<T>(select: (model: Model) => T): T {
    return useStore((store) => select(store.shown));
}

export function useUi<T>(select: (state: UiState) => T): T {
    const { ui } = useApp();
    return useSyncExternalStore(ui.subscribe, () => select(ui.state));
}

const second = 1000;
const tickers = new Set<() => void>();
let ticking = 0;

function subscribeTicks(listener: () => void): () => void {
    tickers.add(listener);
    if (ticking === 0) {
        ticking = window.setInterval(() => {
            for (const one of tickers) one();
        }, second);
    }
    return () => {
        tickers.delete(listener);
        if (tickers.size > 0) return;
        window.clearInterval(ticking);
        ticking = 0;
    };
}

/** The shown time, in whole seconds: what depends on it is drawn again each second while time goes on. */
export function useNow(): number {
    const { store } = useApp();
    const subscribe = (listener: () => void): () => void => {
        const ends = [subscribeTicks(listener), store.subscribe(listener)];
        return () => {
            for (const end of ends) end();
        };
    };
    return useSyncExternalStore(subscribe, () => Math.floor(store.shownNow() / second) * second);
}

/** Sends a command and says what came of it. */
export async function act(
    app: App,
    type: string,
    fields: { readonly [key: string]: Json },
    digest: string,
    done: string,
    seq?: number,
): Promise<boolean> {
    if (!app.commands) {
        app.ui.say("This is a replay: there is nothing to command.", true);
        return false;
    }
    const result = await app.commands.send(type, { seq: seq ?? app.store.live.seq, digest }, fields);
    switch (result.kind) {
        case "done":
            app.ui.say(done);
            return true;
        case "stale":
            app.ui.say(
                `Not done: the session has changed since you looked. ${harmless(result.message, 300)}`,
                true,
            );
            return false;
        case "failed":
            app.ui.say(`Not done: ${harmless(result.message, 300)}`, true);
            return false;
    }
}
