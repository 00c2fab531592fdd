// What a person entered on a surface and has not sent: kept over the data that the agent sends, until the
// agent sends another value for the same place.

import { canonical, type Json } from "../core/json";
import { PointerError, read, write } from "./pointer";

export class LocalWrites {
    private readonly entries = new Map<string, { value: Json; base: string }>();

    write(data: Json, path: string, value: Json): void {
        this.entries.set(path, { value, base: canonical(read(data, path) ?? null) });
    }

    over(data: Json): Json {
        let result = data;
        for (const [path, entry] of [...this.entries]) {
            if (canonical(read(data, path) ?? null) !== entry.base) {
                this.entries.delete(path);
                continue;
            }
            try {
                result = write(result, path, entry.value);
            } catch (error) {
                if (!(error instanceof PointerError)) throw error;
                this.entries.delete(path);
            }
        }
        return result;
    }
}
