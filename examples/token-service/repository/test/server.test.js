import assert from "node:assert/strict";
import { once } from "node:events";
import test from "node:test";

import { makeServer } from "../src/server.js";

test("a client gets a token and is known by it", async () => {
  const server = makeServer("secret").listen(0, "127.0.0.1");
  await once(server, "listening");
  const base = `http://127.0.0.1:${server.address().port}`;
  try {
    const body = JSON.stringify({ sub: "ada" });
    const { token } = await (await fetch(`${base}/tokens`, { method: "POST", body })).json();
    const answer = await fetch(`${base}/whoami`, { headers: { authorization: `Bearer ${token}` } });
    assert.deepEqual(await answer.json(), { sub: "ada" });
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
