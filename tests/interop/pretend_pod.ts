/**
 * Our server, with the behaviour of the simulated runtime in Go
 * (`go/kubeserver/runtime.go`), and the HTTP server behind its ports.
 *
 * @module
 */

import {
  type ServedConnection,
  type ServedProcess,
  serveStreaming,
  type StreamingOptions,
  type StreamingServer,
} from "../../kubernetes/mod.ts";
import { digest, patternDigest, patternStream } from "./pattern.ts";

const encoder = new TextEncoder();

/** A server whose container is this machine. */
export function servePretendPod(
  options: StreamingOptions = {},
): StreamingServer {
  return serveStreaming({ exec, attach, portForward, ...options });
}

/** GET /<size> returns this many bytes, with their SHA-256 in the header "digest". */
export function serveTarget(): Deno.HttpServer<Deno.NetAddr> {
  const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
  return Deno.serve(options, async (request) => {
    const size = Number(new URL(request.url).pathname.slice(1));
    const [, sum] = (await patternDigest(size)).split(" ");
    return new Response(patternStream(size), {
      headers: { digest: sum, "content-length": `${size}` },
    });
  });
}

async function exec(process: ServedProcess): Promise<number> {
  const { call, stdin, stdout, resizes } = process;
  const [command, argument] = call.command;
  switch (command) {
    case "produce":
      await patternStream(Number(argument)).pipeTo(stdout);
      return 0;
    case "consume":
      await say(stdout, await digest(stdin));
      return 0;
    case "sizes": {
      let text = "";
      let rest = Number(argument);
      for await (const { columns, rows } of resizes) {
        text += `${columns}x${rows}\n`;
        if (--rest === 0) break;
      }
      await say(stdout, text);
      return 0;
    }
    case "fail":
      throw new Error(argument);
    default:
      return await runProcess(process);
  }
}

async function runProcess(
  { call, stdin, stdout, stderr, signal }: ServedProcess,
): Promise<number> {
  const [command, ...args] = call.command;
  const child = new Deno.Command(command, {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    signal,
  }).spawn();
  // A process may end without reading all its input.
  stdin.pipeTo(child.stdin).catch(() => {});
  await Promise.all([
    child.stdout.pipeTo(stdout),
    child.stderr.pipeTo(stderr),
  ]);
  return (await child.status).code;
}

async function attach(
  { stdin, stdout, resizes }: ServedProcess,
): Promise<void> {
  const writer = stdout.getWriter();
  const write = (text: string): Promise<void> =>
    writer.write(encoder.encode(text));
  await write("attached\n");
  const sized = (async () => {
    for await (const { columns, rows } of resizes) {
      await write(`${columns}x${rows}\n`);
    }
  })();
  for await (const chunk of stdin) await writer.write(chunk);
  sized.catch(() => {});
  await writer.close();
  writer.releaseLock();
}

async function portForward(
  { port, readable, writable }: ServedConnection,
): Promise<void> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  readable.pipeTo(conn.writable).catch(() => {});
  await conn.readable.pipeTo(writable);
}

async function say(
  stdout: WritableStream<Uint8Array>,
  text: string,
): Promise<void> {
  await new Blob([text]).stream().pipeTo(stdout);
}
