/** node:http2 as a peer: `node node_http2.mjs ROW PORT VIA`, with the row as JSON. */

import http2 from "node:http2";
import { run } from "./load.mjs";

const row = JSON.parse(process.argv[2]);
const [port, via] = process.argv.slice(3).map(Number);
const body = Buffer.alloc(1024, "x");
const chunk = Buffer.alloc(65536, "0123456789abcdef");

const server = http2.createServer();
const onServerBytes = new Map();
server.on("stream", (stream, headers) => {
  stream.on("error", () => {});
  const path = headers[":path"];
  stream.respond({ ":status": 200 });
  if (path === "/down") {
    const send = () => {
      while (!stream.destroyed && stream.write(chunk));
    };
    stream.on("drain", send);
    send();
  } else if (path.startsWith("/up")) {
    stream.on("data", (data) => onServerBytes.get(path)?.(data.length));
  } else stream.end(body);
});
await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
const client = http2.connect(`http://127.0.0.1:${via}`);
await new Promise((resolve) => client.once("connect", resolve));
const weight = (pri) => 256 - 36 * pri;
let uploads = 0;

const peer = {
  small: (pri) =>
    new Promise((resolve, reject) => {
      const stream = client.request({ ":path": "/" }, { weight: weight(pri) });
      stream.on("data", () => {});
      stream.on("end", resolve);
      stream.on("error", reject);
    }),
  bulk(direction, pri, onBytes) {
    const isUp = direction === "up";
    const path = isUp ? `/up${uploads++}` : "/down";
    const stream = client.request(
      { ":path": path, ":method": isUp ? "POST" : "GET" },
      { weight: weight(pri), endStream: !isUp },
    );
    stream.on("error", () => {});
    if (isUp) {
      onServerBytes.set(path, onBytes);
      const send = () => {
        while (!stream.destroyed && stream.write(chunk));
      };
      stream.on("drain", send);
      send();
    } else stream.on("data", (data) => onBytes(data.length));
    return () => stream.close(8);
  },
};
console.log(JSON.stringify(await run(peer, row)));
process.exit(0);
