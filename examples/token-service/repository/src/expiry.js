import { refuse } from "./errors.js";

export const lifetimeSeconds = 3600;

export function checkExpiry(payload, now) {
  if (payload.exp > now) throw refuse("malformed");
}
