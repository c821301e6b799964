// npm's spdy as a client: GETs each URL on one connection, prints a JSON array of
// [status, length, sha256]. Arguments: CA file, protocol, URLs.
const { createHash } = require("node:crypto");
const { readFileSync } = require("node:fs");
const https = require("node:https");
const spdy = require("spdy");

const [ca, protocol, ...urls] = process.argv.slice(2);
const { hostname, port } = new URL(urls[0]);
const agent = spdy.createAgent({
  host: hostname,
  port,
  ca: readFileSync(ca),
  spdy: { protocols: [protocol] },
});
agent.on("error", (error) => {
  console.error(error);
  process.exit(1);
});

const get = (url) =>
  new Promise((resolve, reject) => {
    https.get(url, { agent }, (response) => {
      const hash = createHash("sha256");
      let size = 0;
      response.on("data", (chunk) => {
        hash.update(chunk);
        size += chunk.length;
      });
      response.on("end", () =>
        resolve([response.statusCode, size, hash.digest("hex")]));
    }).on("error", reject);
  });

Promise.all(urls.map(get)).then((results) => {
  console.log(JSON.stringify(results));
  agent.close();
  process.exit();
});
