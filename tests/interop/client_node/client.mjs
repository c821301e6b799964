/**
 * The Node client of Kubernetes against a server: prints one JSON object.
 * Arguments: the package, the URL of the server or the path of a kubeconfig, and
 * a port that the pod can reach, where an HTTP server answers.
 */

import { createServer } from "node:net";
import { PassThrough } from "node:stream";

const [name, server, port] = process.argv.slice(2);
const k8s = await import(name);
const config = new k8s.KubeConfig();
if (server.startsWith("http")) {
  config.loadFromOptions({
    clusters: [{ name: "c", server, skipTLSVerify: true }],
    users: [{ name: "u" }],
    contexts: [{ name: "x", cluster: "c", user: "u" }],
    currentContext: "x",
  });
} else {
  config.loadFromFile(server);
}

function sink() {
  const stream = new PassThrough();
  stream.text = "";
  stream.size = 0;
  stream.on("data", (data) => {
    stream.size += data.length;
    if (stream.size < 10_000) stream.text += data;
  });
  return stream;
}

function exec(script, { stdin = null } = {}) {
  return new Promise((resolve, reject) => {
    const stdout = sink();
    const stderr = sink();
    new k8s.Exec(config).exec(
      "default",
      "web",
      "main",
      ["sh", "-c", script],
      stdout,
      stderr,
      stdin,
      false,
      (status) =>
        setTimeout(() => {
          const code = status.details?.causes?.[0]?.message ?? "0";
          resolve({ stdout, stderr, code: Number(code) });
        }, 50),
    ).catch(reject);
  });
}

const cases = {
  async outputs() {
    const { stdout, stderr, code } = await exec(
      "echo out; echo err >&2; exit 3",
    );
    return [stdout.text, stderr.text, code];
  },
  async standard_input() {
    const stdin = new PassThrough();
    const ended = exec("cat; exit 4", { stdin });
    stdin.write("hello\n");
    // v5 ends standard input alone: cat reads to its end.
    stdin.end();
    const { stdout, code } = await ended;
    return [stdout.text, code];
  },
  async large() {
    const { stdout, code } = await exec(
      "head -c 8388608 /dev/zero | tr '\\0' x",
    );
    return [stdout.size, code];
  },
  async attach() {
    const stdout = sink();
    const stdin = new PassThrough();
    const socket = await new k8s.Attach(config).attach(
      "default",
      "web",
      "main",
      stdout,
      sink(),
      stdin,
      false,
    );
    stdin.write("echo\n");
    while (stdout.text.split("\n").length < 3) {
      await new Promise((resolve) => stdout.once("data", resolve));
    }
    socket.close();
    return stdout.text.split("\n").slice(0, 2);
  },
  async forward() {
    const forwarder = new k8s.PortForward(config);
    const listener = createServer((conn) => {
      forwarder.portForward("default", "web", [Number(port)], conn, null, conn)
        .catch((error) => conn.destroy(error));
    });
    await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${listener.address().port}/1000`;
    const response = await fetch(url, { headers: { connection: "close" } });
    const body = await response.arrayBuffer();
    listener.close();
    return [`${response.status}`, body.byteLength, ""];
  },
};

const results = {};
for (const [key, run] of Object.entries(cases)) {
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new Error("not done within 30 s")), 30_000);
  });
  results[key] = await Promise.race([run(), late])
    .catch((error) =>
      `${error?.constructor?.name}: ${error?.message ?? error}`
    );
}
console.log(JSON.stringify(results));
process.exit(0);
