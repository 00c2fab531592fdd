// The icons of the basic catalog, drawn for this app as strokes on a grid of sixteen.

const paths: ReadonlyMap<string, string> = new Map([
    [
        "accountCircle",
        "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M8 8.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4M4 12.6c1-1.6 2.4-2.3 4-2.3s3 .7 4 2.3",
    ],
    ["add", "M8 3v10M3 8h10"],
    ["arrowBack", "M13 8H3M7 4 3 8l4 4"],
    ["arrowForward", "M3 8h10M9 4l4 4-4 4"],
    ["attachFile", "M12 7 7 12a2.5 2.5 0 0 1-4-4l6-5.5a1.7 1.7 0 0 1 2.5 2.5L6 10.5"],
    ["calendarToday", "M2.5 4h11v9.500h-11zM2.5 7h11M5.5 2v3M10.5 2v3"],
    [
        "call",
        "M4 2.5 6.5 5 5 7c1 2 2 3 4 4l2-1.5 2.5 2.500c-1 2-3 1.5-5 .500A14 14 0 0 1 3 7c-1-2-.5-3.5 1-4.5",
    ],
    ["camera", "M2 5h3l1-1.500h4L11 5h3v8H2zM8 11a2.2 2.2 0 1 0 0-4.400A2.2 2.2 0 0 0 8 11"],
    ["check", "M3 8.5 6.5 12 13 4.5"],
    ["close", "M4 4l8 8M12 4l-8 8"],
    ["delete", "M3 4.500h10M6 4.500V3h4v1.500M4.5 4.5 5 13.500h6l.5-9M7 7v4M9 7v4"],
    ["download", "M8 2v8M4.5 7 8 10.5 11.5 7M3 13.500h10"],
    ["edit", "M3 13l.5-3L10.5 3 13 5.500l-7 7z"],
    ["event", "M2.5 4h11v9.500h-11zM2.5 7h11M5.5 2v3M10.5 2v3M9 9.500h2.500v2H9z"],
    ["error", "M8 1.500a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M8 4.500v4M8 10.500v1"],
    ["fastForward", "M2.5 4v8L8 8zM8 4v8l5.5-4z"],
    ["favorite", "M8 13.5 2.5 8A3.3 3.3 0 0 1 8 4.5 3.3 3.3 0 0 1 13.5 8z"],
    ["favoriteOff", "M8 13.5 2.5 8A3.3 3.3 0 0 1 8 4.5 3.3 3.3 0 0 1 13.5 8zM2.5 2.500l11 11"],
    ["folder", "M1.5 4h5L8 5.500h6.500v7.500h-13z"],
    [
        "help",
        "M8 1.500a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M6 6.200C6 5 7 4.3 8 4.300s2 .7 2 1.900C10 7.5 8 7.5 8 9.200M8 11v.6",
    ],
    ["home", "M2.5 8 8 3l5.5 5M4 7v6.500h8V7"],
    ["info", "M8 1.500a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M8 7.500v4M8 4.500v1"],
    [
        "locationOn",
        "M8 14.500C5 11 3.5 8.7 3.5 6.500a4.5 4.5 0 0 1 9 0C12.5 8.7 11 11 8 14.500M8 8a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3",
    ],
    ["lock", "M3.5 7h9v6.500h-9zM5.5 7V5a2.5 2.5 0 0 1 5 0v2"],
    ["lockOpen", "M3.5 7h9v6.500h-9zM5.5 7V5a2.5 2.5 0 0 1 4.8-1"],
    ["mail", "M2 4h12v8.500H2zM2 4.5 8 9l6-4.5"],
    ["menu", "M2.5 4.500h11M2.5 8h11M2.5 11.500h11"],
    ["moreVert", "M8 3v1M8 7.500v1M8 12v1"],
    ["moreHoriz", "M3 8h1M7.5 8h1M12 8h1"],
    ["notifications", "M3 11.500h10L11.5 9.500V7a3.5 3.5 0 0 0-7 0v2.500zM6.8 13.500h2.400M8 3.500V2"],
    [
        "notificationsOff",
        "M3 11.500h10L11.5 9.500V7a3.5 3.5 0 0 0-7 0v2.500zM6.8 13.500h2.400M2.5 2.500l11 11",
    ],
    ["pause", "M5.5 3.500v9M10.5 3.500v9"],
    ["payment", "M1.5 4h13v8.500h-13zM1.5 7h13M4 10h3"],
    ["person", "M8 8a2.8 2.8 0 1 0 0-5.600A2.8 2.8 0 0 0 8 8M2.5 14c.8-2.8 2.8-4 5.5-4s4.7 1.2 5.5 4"],
    ["phone", "M5 1.500h6v13H5zM7.5 12.500h1"],
    ["photo", "M2 3h12v10H2zM2 11l3.5-3.500L9 11l2-2 3 3M10.5 6.500h.5"],
    ["play", "M5 3v10l8-5z"],
    ["print", "M4.5 6V2.500h7V6M4.5 11H2.500V6h11v5h-2M4.5 9.500h7v4h-7z"],
    ["refresh", "M13 8a5 5 0 1 1-1.5-3.600M13 2.500v3h-3"],
    ["rewind", "M13.5 4v8L8 8zM8 4v8L2.5 8z"],
    ["search", "M7 11.500A4.5 4.5 0 1 0 7 2.500a4.5 4.5 0 0 0 0 9M10.5 10.500l3.5 3.5"],
    ["send", "M2 13.5 14 8 2 2.5 3.5 8zM3.5 8H9"],
    [
        "settings",
        "M8 10.200a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.400M8 1.500v2M8 12.500v2M1.5 8h2M12.5 8h2M3.5 3.5 5 5M11 11l1.5 1.500M12.5 3.5 11 5M5 11l-1.5 1.5",
    ],
    [
        "share",
        "M4 9.500a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3M12 5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3M12 14a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3M5.4 7.300l5.2-3M5.4 8.700l5.2 3",
    ],
    ["shoppingCart", "M1.5 2.500h2L5 10h7l1.5-5.500H4M6 13h.500M11 13h.5"],
    ["skipNext", "M4 3.500v9L10.5 8zM12 3.500v9"],
    ["skipPrevious", "M12 3.500v9L5.5 8zM4 3.500v9"],
    ["star", "M8 2l1.8 3.9 4.2.5-3.1 2.9.8 4.200L8 11.400l-3.7 2.1.8-4.200L2 6.400l4.2-.500z"],
    ["starHalf", "M8 2v9.400l-3.7 2.1.8-4.200L2 6.400l4.2-.500z"],
    [
        "starOff",
        "M8 2l1.8 3.9 4.2.5-3.1 2.9.8 4.200L8 11.400l-3.7 2.1.8-4.200L2 6.400l4.2-.500zM2.5 2.500l11 11",
    ],
    ["stop", "M4 4h8v8H4z"],
    ["upload", "M8 10.500v-8M4.5 6 8 2.5 11.5 6M3 13.500h10"],
    [
        "visibility",
        "M1.5 8C3 5 5.3 3.5 8 3.500S13 5 14.5 8C13 11 10.7 12.5 8 12.500S3 11 1.5 8M8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4",
    ],
    [
        "visibilityOff",
        "M1.5 8C3 5 5.3 3.5 8 3.500S13 5 14.5 8C13 11 10.7 12.5 8 12.500S3 11 1.5 8M2.5 2.500l11 11",
    ],
    ["volumeDown", "M3 6.500v3h2.500L9 12.500v-9L5.5 6.500zM11 6.500c.8.8.8 2.2 0 3"],
    ["volumeMute", "M4 6.500v3h2.500l3.5 3v-9L6.5 6.500z"],
    ["volumeOff", "M3 6.500v3h2.500L9 12.500v-9L5.5 6.500zM11 6.500l3 3M14 6.500l-3 3"],
    [
        "volumeUp",
        "M3 6.500v3h2.500L9 12.500v-9L5.5 6.500zM11 6.500c.8.8.8 2.2 0 3M12.5 5c1.7 1.7 1.7 4.3 0 6",
    ],
    ["warning", "M8 2 15 13.500H1zM8 6.500v3.500M8 11.500v.5"],
]);

/** A path of an agent's: only drawing commands, and not many. */
const pathPattern = /^[MmLlHhVvCcSsQqTtAaZz0-9eE.,\s+-]{1,4000}$/;

export function Icon({ name, path, label }: { name: string; path: string; label: string }) {
    const known = path !== "" && pathPattern.test(path) ? path : paths.get(name);
    if (known === undefined) return <span className="chip">{label || name.slice(0, 24)}</span>;
    const named = label === "" ? { "aria-hidden": true } : { role: "img", "aria-label": label };
    return (
        <svg
            className="a2-icon"
            viewBox={path === "" ? "0 0 16 16" : "0 0 24 24"}
            width="18"
            height="18"
            focusable="false"
            {...named}
        >
            <path
                d={known}
                fill="none"
                stroke="currentColor"
                strokeWidth={path === "" ? 1.4 : 1.8}
                strokeLinecap="round"
                strokeLinejoin="round"
            />
        </svg>
    );
}
