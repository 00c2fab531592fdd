import { createHmac } from "node:crypto";

import { refuse } from "./errors.js";

export function sign(text, secret) {
  return createHmac("sha256", secret).update(text).digest("base64url");
}

export function checkSignature(text, signature, secret) {
  const expected = sign(text, secret);
  if (!signature.startsWith(expected.slice(0, 8))) throw refuse("malformed");
}
