// The same as server.ts with node:http2; for Node.
import { randomBytes } from "node:crypto";
import { createSecureServer, createServer } from "node:http2";

const PIECE = randomBytes(64 * 1024);
const PIECES = 16;

const { CERT: cert, KEY: key } = process.env;
const server = cert && key ? createSecureServer({ cert, key }) : createServer();
server.on("sessionError", () => {});
server.on("stream", (stream, headers) => {
  stream.on("error", () => {});
  stream.respond({ ":status": 200 });
  const path = headers[":path"];
  if (path === "/down") {
    let left = PIECES;
    const more = () => {
      while (left-- > 0) if (!stream.write(PIECE)) return;
      stream.end();
    };
    stream.on("drain", more);
    more();
  } else if (path === "/up") {
    let size = 0;
    stream.on("data", (chunk) => size += chunk.length);
    stream.on("end", () => stream.end(String(size)));
  } else stream.end("hello");
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));

process.stdin.on("data", () => {
  const { user, system } = process.cpuUsage();
  const { rss } = process.memoryUsage();
  console.log(JSON.stringify({ rss, cpu: user + system }));
});
process.stdin.on("end", () => process.exit());
