import { refuse } from "./errors.js";
import { checkExpiry, lifetimeSeconds } from "./expiry.js";
import { checkSignature, sign } from "./signature.js";

export function issue(sub, secret, now = Date.now()) {
  const exp = Math.floor(now / 1000) + lifetimeSeconds;
  const text = Buffer.from(JSON.stringify({ sub, exp })).toString("base64url");
  return `${text}.${sign(text, secret)}`;
}

export function verify(token, secret, now = Date.now()) {
  const [text, signature, ...rest] = token.split(".");
  if (!text || !signature || rest.length > 0) throw refuse("malformed");
  checkSignature(text, signature, secret);
  const payload = decode(text);
  checkExpiry(payload, now);
  return payload;
}

function decode(text) {
  try {
    return JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
  } catch {
    throw refuse("malformed");
  }
}
