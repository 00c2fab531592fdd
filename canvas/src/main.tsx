// The start: takes the token out of the address, or the log out of the page, and puts the app on it.

import { createRoot } from "react-dom/client";
import { type App, AppContext } from "./app";
import { Commands } from "./core/commands";
import { Connection } from "./core/connection";
import { History } from "./core/history";
import { listen } from "./core/keys";
import { readReplay } from "./core/replay";
import { Store } from "./core/store";
import { Ui } from "./core/ui";
import { Shell } from "./parts/Shell";
import "./style/app.css";

declare global {
    interface Window {
        /** For tests, and for who wants to compare the page with the journal. */
        openclawCanvas?: {
            head(): number;
            checksum(): string;
            lastHash(): string;
            logBytes(): number;
            sealedBytes(): number;
            /** The first event that is held one by one. */
            first(): number;
            /** What `shown` is as of. */
            shown(): number;
            reconnects(): number;
            /** How it stands with the connection, and why. */
            link(): string;
        };
    }
}

/** Only this page's memory holds the token: not the address, not the history, no storage. */
function takeToken(): string {
    const fragment = new URLSearchParams(location.hash.slice(1));
    const token = fragment.get("token") ?? "";
    if (token === "") return "";
    fragment.delete("token");
    const rest = fragment.toString();
    history.replaceState(null, "", location.pathname + location.search + (rest === "" ? "" : `#${rest}`));
    return token;
}

function start(): void {
    const place = document.getElementById("app");
    if (!place) return;
    const token = takeToken();
    const store = new Store();
    const ui = new Ui(store);
    const replay = readReplay(document);
    const base = location.pathname.endsWith("/") ? location.pathname : `${location.pathname}/`;
    let connection: Connection | null = null;
    let commands: Commands | null = null;
    if (replay) {
        store.receive(replay.events);
        for (const [agent, lines] of replay.logs) store.receiveLines(agent, lines);
        store.setLink({ state: "replay", head: store.log.head });
    } else if (token === "") {
        store.setLink({ state: "refused", reason: "this address has no token" });
    } else {
        const scheme = location.protocol === "https:" ? "wss:" : "ws:";
        connection = new Connection(store, token, `${scheme}//${location.host}${base}stream`);
        const own = new Commands(base, token);
        commands = own;
        store.history = new History((what) => own.look(what));
    }
    const app: App = { store, ui, commands, connection, documents: replay?.documents ?? new Map() };
    window.openclawCanvas = {
        head: () => store.log.head,
        checksum: () => store.log.checksum(),
        lastHash: () => store.log.lastHash,
        logBytes: () => store.logs.bytes,
        sealedBytes: () => store.log.sealedBytes,
        first: () => store.log.first,
        shown: () => store.shown.seq,
        reconnects: () => store.link.reconnects,
        link: () => `${store.link.state}: ${store.link.reason}`,
    };
    listen(app);
    createRoot(place).render(
        <AppContext.Provider value={app}>
            <Shell />
        </AppContext.Provider>,
    );
    connection?.start();
}

start();
