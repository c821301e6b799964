/**
 * SPDY inside a WebSocket: many streams over a single connection to port 80, where a
 * firewall allows nothing else. Kubernetes does the same for port-forward.
 *
 *     deno run --allow-net examples/websocket.ts
 *
 * @module
 */

import {
  CLIENT,
  Connection,
  PROTO_SPDY3_1,
  SERVER,
  type Stream,
  webSocketStreams,
} from "../mod.ts";

const version = PROTO_SPDY3_1;

const server = Deno.serve({ hostname: "127.0.0.1", port: 0 }, (request) => {
  if (request.headers.get("upgrade") !== "websocket") {
    return new Response("a WebSocket, please\n", { status: 426 });
  }
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.addEventListener("open", () => {
    answerAll(socket).catch((error) => console.error(error.message));
  });
  return response;
});

async function answerAll(socket: WebSocket): Promise<void> {
  const transport = webSocketStreams(socket);
  const connection = new Connection(transport, { side: SERVER, version });
  for await (const stream of connection) {
    answer(stream).catch((error) => console.error(error.message));
  }
}

async function answer(stream: Stream): Promise<void> {
  const path = stream.headers.find(([name]) => name === ":path")?.[1];
  await stream.reply([[":status", "200"], [":version", "HTTP/1.1"]]);
  await stream.write(new TextEncoder().encode(`this is ${path}`));
  await stream.closeWrite();
}

const socket = new WebSocket(`ws://127.0.0.1:${server.addr.port}/`);
const transport = webSocketStreams(socket);
const connection = new Connection(transport, { side: CLIENT, version });
const pages = await Promise.all(["/a", "/b", "/c"].map(async (path) => {
  const response = await connection.fetch(`http://localhost${path}`);
  return await response.text();
}));
console.log(pages.join(", "));

await connection.close();
await server.shutdown();
