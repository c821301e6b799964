// npm's spdy as a server over TLS: GET /<size> gives so many bytes, POST gives
// "<length> <sha256>" of what was sent. Says its address in a JSON line, lives
// until its standard input ends. Arguments: certificate file, key file.
const { createHash } = require("node:crypto");
const { readFileSync } = require("node:fs");
const spdy = require("spdy");

const [cert, key] = process.argv.slice(2).map((path) => readFileSync(path));
const protocols = ["spdy/3.1", "spdy/3", "spdy/2"];
const server = spdy.createServer({ cert, key, spdy: { protocols } }, answer);

function answer(request, response) {
  response.setHeader("x-version", String(request.spdyVersion));
  if (request.method === "GET") {
    response.end(Buffer.alloc(Number(request.url.slice(1)), "spdy "));
    return;
  }
  const hash = createHash("sha256");
  let size = 0;
  // Not request.pipe(response): with Node 20 that never ends.
  request.on("data", (chunk) => {
    hash.update(chunk);
    size += chunk.length;
  });
  request.on("end", () => response.end(`${size} ${hash.digest("hex")}`));
}

server.listen(0, "127.0.0.1", () => {
  const { version } = require("spdy/package.json");
  const address = `127.0.0.1:${server.address().port}`;
  console.log(JSON.stringify({ address, version }));
});
process.stdin.resume().on("end", () => process.exit());
