/** `spdy proxy` and upgrades of HTTP/1.1, such as WebSockets. */

import http from "node:http";
import type { Socket } from "node:net";
import { serve } from "../../mod.ts";
import { assertEquals, assertMatch } from "../deps.ts";
import { sinceDeno } from "../helpers/deno_version.ts";
import { inFrontOf, origin, QUIET } from "./proxy_peers.ts";

/** Asks for an upgrade and sends `hello`; resolves to the status and the answer. */
function upgrade(url: string): Promise<[status: number, text: string]> {
  return new Promise((resolve, reject) => {
    const request = http.request(url, {
      agent: false,
      headers: { connection: "Upgrade", upgrade: "echo" },
    });
    request.on("error", reject);
    request.on("response", (head) => {
      let text = "";
      head.setEncoding("utf8").on("data", (part) => text += part);
      head.on("end", () => resolve([head.statusCode ?? 0, text]));
    });
    request.on("upgrade", (head, socket: Socket) => {
      let text = `${head.headers["x-answer"]} `;
      socket.setEncoding("utf8").on("data", (part) => {
        text += part;
        if (text.endsWith("hello")) socket.end("!");
      });
      socket.on("error", reject);
      socket.on("end", () => resolve([head.statusCode ?? 0, text]));
      socket.write("hello");
    });
    request.end();
  });
}

// Before, `Readable.toWeb` of a socket ends only when the socket can no longer be written
// either, so one direction of an upgraded connection cannot end alone.
sinceDeno("2.9.0").test(
  "proxy carries an upgrade between two proxies, and otherwise answers 501",
  async () => {
    await using http1 = await origin((_request, response) => {
      response.writeHead(403);
      response.end("no upgrade here");
    }, (request, socket) => {
      if (request.url === "/no") {
        socket.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno");
        return;
      }
      socket.write(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\nx-answer: yes\r\n\r\n",
      );
      socket.pipe(socket);
    });
    await using toHttp = await inFrontOf(http1.url);
    const port = new URL(toHttp.url.replace("spdy:", "http:")).port;
    await using chain = await inFrontOf(`spdy://127.0.0.1:${port}`);
    assertEquals(await upgrade(chain.url), [101, "yes hello!"]);
    assertEquals(await upgrade(new URL("/no", chain.url).href), [403, "no"]);

    await using plain = serve(QUIET, () => new Response("what?"));
    await using single = await inFrontOf(`spdy://127.0.0.1:${plain.addr.port}`);
    const [status, text] = await upgrade(single.url);
    assertEquals(status, 501);
    assertMatch(text, /does not support upgrades/);
  },
);
