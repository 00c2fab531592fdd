import { createServer } from "node:http";

import { issue, verify } from "./token.js";

export function makeServer(secret) {
  return createServer(async (request, response) => {
    const answer = (status, body) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    };
    try {
      if (request.method === "POST" && request.url === "/tokens") {
        const { sub } = JSON.parse(await text(request));
        answer(201, { token: issue(sub, secret) });
      } else if (request.method === "GET" && request.url === "/whoami") {
        const token = (request.headers.authorization ?? "").replace(/^Bearer /, "");
        answer(200, { sub: verify(token, secret).sub });
      } else {
        answer(404, { error: "not found" });
      }
    } catch (error) {
      answer(error.status ?? 400, { error: error.message });
    }
  });
}

async function text(stream) {
  let result = "";
  for await (const chunk of stream) result += chunk;
  return result;
}
