import { InvalidArgumentError } from "../../errors.ts";
import {
  exec,
  RemoteCommandError,
  serveStreaming,
  type StreamingServer,
} from "../../kubernetes/mod.ts";
import { assertEquals, assertRejects } from "../deps.ts";
import { waitFor } from "../helpers/deadline.ts";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

async function write(
  to: WritableStream<Uint8Array>,
  ...parts: string[]
): Promise<void> {
  await new Blob(parts).stream().pipeTo(to);
}

function options(
  server: StreamingServer,
): { url: string; pod: { name: string } } {
  return { url: `http://127.0.0.1:${server.addr.port}`, pod: { name: "web" } };
}

for (const transport of ["spdy", "websocket"] as const) {
  Deno.test(`output resolves to the code and both complete outputs, over ${transport}`, async () => {
    await using server = serveStreaming({
      async exec({ stdout, stderr }) {
        await Promise.all([
          write(stdout, "x".repeat(300_000)),
          write(stderr, "complaint"),
        ]);
        return 7;
      },
    });
    const process = await exec({
      ...options(server),
      command: ["x"],
      transport,
    });
    const { code, success, stdout, stderr } = await process.output({
      maxBytes: 300_000,
    });
    assertEquals(
      [code, success, stdout.length, text(stderr)],
      [7, false, 300_000, "complaint"],
    );
  });
}

Deno.test("output: an output that was not requested is empty", async () => {
  await using server = serveStreaming({
    exec: ({ stdout }) => write(stdout, "hello"),
  });
  const process = await exec({
    ...options(server),
    command: ["x"],
    stderr: false,
  });
  const { code, success, stdout, stderr } = await process.output();
  assertEquals([code, success, text(stdout), stderr.length], [
    0,
    true,
    "hello",
    0,
  ]);
});

Deno.test("output that is too long is an error and closes the connection", async () => {
  const left = Promise.withResolvers<void>();
  await using server = serveStreaming({
    async exec({ stdout, signal }) {
      signal.addEventListener("abort", () => left.resolve());
      const writer = stdout.getWriter();
      while (!signal.aborted) await writer.write(new Uint8Array(1000));
    },
  });
  const process = await exec({ ...options(server), command: ["yes"] });
  await assertRejects(
    () => process.output({ maxBytes: 100_000 }),
    RemoteCommandError,
    "stdout has more than the 100000 bytes",
  );
  await waitFor("the server to see that the client left", left.promise);
});

Deno.test("output rejects for an invalid size, and if the command was not run", async () => {
  await using server = serveStreaming({
    exec: () => Promise.reject(new Error("no such command")),
  });
  const process = await exec({ ...options(server), command: ["x"] });
  await assertRejects(
    () => process.output({ maxBytes: -1 }),
    InvalidArgumentError,
    "maxBytes -1",
  );
  await assertRejects(
    () => process.output(),
    RemoteCommandError,
    "no such command",
  );
});
