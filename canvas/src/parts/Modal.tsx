// The frame of everything that asks before it acts.

import { type ReactNode, useLayoutEffect, useRef } from "react";
import { useApp } from "../app";

/** A modal of the browser's own: it holds the focus, closes on Escape, and gives the focus back. */
export function Modal({ title, children, wide }: { title: string; children?: ReactNode; wide?: boolean }) {
    const { ui } = useApp();
    const box = useRef<HTMLDialogElement>(null);
    useLayoutEffect(() => {
        const element = box.current;
        const before = document.activeElement;
        if (element && !element.open) element.showModal();
        element?.querySelector<HTMLElement>("[data-focus]")?.focus();
        return () => {
            element?.close();
            if (before instanceof HTMLElement && before.isConnected) before.focus();
        };
    }, []);
    return (
        <dialog
            ref={box}
            className={wide ? "dialog wide" : "dialog"}
            aria-labelledby="dialog-title"
            onCancel={(event) => {
                event.preventDefault();
                ui.set({ dialog: null });
            }}
            onClick={(event) => {
                if (event.target === event.currentTarget) ui.set({ dialog: null });
            }}
        >
            <div className="dialog-body">
                <h2 id="dialog-title">{title}</h2>
                {children}
            </div>
        </dialog>
    );
}

export function Buttons({ children }: { children?: ReactNode }) {
    const { ui } = useApp();
    return (
        <div className="dialog-buttons">
            <button type="button" className="button" onClick={() => ui.set({ dialog: null })}>Back</button>
            {children}
        </div>
    );
}
