// Rows of one height, of which only those that can be seen are in the page.

import {
    type KeyboardEvent,
    type ReactNode,
    useCallback,
    useEffect,
    useLayoutEffect,
    useRef,
    useState,
} from "react";

const overscan = 8;
/** Taller than this a browser does not lay out exactly; nobody scrolls there by hand either. */
const heightLimit = 8_000_000;

export function VirtualList({ count, rowHeight, row, label, className, follow, onFollow, reveal }: {
    count: number;
    rowHeight: number;
    row: (index: number) => ReactNode;
    label: string;
    className?: string;
    /** Stay at the end as rows come. */
    follow?: boolean;
    onFollow?: (follow: boolean) => void;
    /** Bring this row into view. */
    reveal?: number | null;
}) {
    const box = useRef<HTMLDivElement>(null);
    const [top, setTop] = useState(0);
    const [height, setHeight] = useState(400);
    const isOurs = useRef(false);

    useEffect(() => {
        const element = box.current;
        if (!element) return undefined;
        const observer = new ResizeObserver(() => setHeight(element.clientHeight));
        observer.observe(element);
        return () => observer.disconnect();
    }, []);

    useLayoutEffect(() => {
        const element = box.current;
        if (!element || !follow) return;
        isOurs.current = true;
        element.scrollTop = element.scrollHeight;
        setTop(element.scrollTop);
    }, [count, follow, height]);

    useLayoutEffect(() => {
        const element = box.current;
        if (!element || reveal === undefined || reveal === null || reveal < 0) return;
        const y = reveal * rowHeight;
        if (y >= element.scrollTop && y + rowHeight <= element.scrollTop + element.clientHeight) return;
        isOurs.current = true;
        element.scrollTop = y - element.clientHeight / 2;
    }, [reveal, rowHeight]);

    const scrolled = useCallback(() => {
        const element = box.current;
        if (!element) return;
        setTop(element.scrollTop);
        if (isOurs.current) {
            isOurs.current = false;
            return;
        }
        const isAtEnd = element.scrollTop + element.clientHeight >= element.scrollHeight - rowHeight;
        if (onFollow && isAtEnd !== follow) onFollow(isAtEnd);
    }, [follow, onFollow, rowHeight]);

    const pressed = (event: KeyboardEvent): void => {
        const element = box.current;
        if (!element || event.ctrlKey || event.metaKey || event.altKey) return;
        if (event.key === "Home") element.scrollTop = 0;
        else if (event.key === "End") element.scrollTop = element.scrollHeight;
        else return;
        event.preventDefault();
    };

    const first = Math.max(0, Math.floor(top / rowHeight) - overscan);
    const end = Math.min(count, Math.ceil((top + height) / rowHeight) + overscan);
    const rows: ReactNode[] = [];
    for (let index = first; index < end; index += 1) rows.push(row(index));
    return (
        <div
            ref={box}
            className={`virtual ${className ?? ""}`}
            onScroll={scrolled}
            onKeyDown={pressed}
            tabIndex={0}
            role="region"
            aria-label={label}
        >
            <div className="virtual-space" style={{ height: Math.min(heightLimit, count * rowHeight) }}>
                <div className="virtual-rows" style={{ transform: `translateY(${first * rowHeight}px)` }}>
                    {rows}
                </div>
            </div>
        </div>
    );
}
