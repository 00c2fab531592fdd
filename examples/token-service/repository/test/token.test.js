import assert from "node:assert/strict";
import test from "node:test";

import { issue, verify } from "../src/token.js";

test("a token that was just issued is accepted", () => {
  assert.equal(verify(issue("ada", "secret"), "secret").sub, "ada");
});

test("what is no token is refused", () => {
  for (const token of ["", "a", "a.b.c", "!.!"]) {
    assert.throws(() => verify(token, "secret"), { status: 400 });
  }
});
