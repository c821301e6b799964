/**
 * Servers that end an exec without a status, or without FIN.
 *
 * @module
 */

import { assertEquals, assertRejects, toText } from "../deps.ts";
import {
  type CommandProtocol,
  exec,
  type ExecOptions,
  RemoteCommandError,
  type RemoteProcess,
  serveStreaming,
} from "../../kubernetes/mod.ts";
import {
  CANCEL,
  Connection,
  INTERNAL_ERROR,
  PROTO_SPDY3_1,
  SERVER,
  type Stream,
  StreamResetError,
} from "../../mod.ts";
import { turn, virtualTime } from "../helpers/virtual_time.ts";

const encoder = new TextEncoder();
const V4 = "v4.channel.k8s.io";
const FAILED = JSON.stringify({
  status: "Failure",
  reason: "NonZeroExitCode",
  details: { causes: [{ reason: "ExitCode", message: "7" }] },
});

/** Runs a command on a server that calls `end` with its error stream and its stdout. */
async function against(
  protocol: CommandProtocol,
  end: (error: Stream, stdout: Stream, stdin?: Stream) => Promise<void> | void,
  check: (process: RemoteProcess) => Promise<void>,
  options: Partial<ExecOptions> = {},
): Promise<void> {
  const { stdin = false } = options;
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const served = (async () => {
    const conn = await listener.accept();
    const buffer = new Uint8Array(4096);
    for (let head = ""; !head.includes("\r\n\r\n");) {
      const size = await conn.read(buffer);
      head += new TextDecoder().decode(buffer.subarray(0, size ?? 0));
    }
    await conn.write(encoder.encode(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocol}\r\n\r\n`,
    ));
    await using connection = new Connection(conn, {
      side: SERVER,
      version: PROTO_SPDY3_1,
      flowControl: false,
      limits: { maxConcurrentStreams: 0x7fffffff },
    });
    const streams: Stream[] = [];
    for await (const stream of connection) {
      await stream.reply([]);
      if (streams.push(stream) === (stdin ? 3 : 2)) break;
    }
    const [error] = streams;
    await end(error, streams[streams.length - 1], streams[1]);
    await connection.closed.catch(() => {});
  })();
  const process = await exec({
    url: `http://127.0.0.1:${port}`,
    pod: { name: "web" },
    protocols: [protocol],
    stderr: false,
    ...options,
  });
  await check(process);
  await process.close();
  await served;
}

Deno.test("an error stream that is cancelled before its status is not a success", async () => {
  for (const sent of ["", FAILED.slice(0, -1), FAILED.slice(0, 20)]) {
    await against(V4, async (error, stdout) => {
      await stdout.closeWrite();
      if (sent !== "") await error.write(encoder.encode(sent));
      await turn();
      error.reset(CANCEL);
    }, async ({ status, stdout }) => {
      assertEquals(await toText(stdout), "");
      await assertRejects(() => status, RemoteCommandError);
    });
  }
});

Deno.test("a status is valid, however its stream ends", async () => {
  const ends: ((error: Stream) => Promise<void> | void)[] = [
    (error) => error.closeWrite(),
    (error) => error.reset(CANCEL),
    (error) => error.reset(INTERNAL_ERROR),
  ];
  for (const end of ends) {
    await against(V4, async (error, stdout) => {
      await stdout.closeWrite();
      await error.write(encoder.encode(FAILED));
      // The client has received it by then; a reset would discard what it has
      // not received.
      await turn();
      await end(error);
    }, async ({ status, stdout }) => {
      assertEquals(await toText(stdout), "");
      assertEquals((await status).code, 7);
    });
  }
});

Deno.test("before v4, a cancelled empty error stream means success", async () => {
  await against("v3.channel.k8s.io", (error, stdout) => {
    stdout.reset(CANCEL);
    error.reset(CANCEL);
  }, async ({ status }) => {
    assertEquals((await status).code, 0);
  });
  await against("v3.channel.k8s.io", (error, stdout) => {
    stdout.reset(CANCEL);
    error.reset(INTERNAL_ERROR);
  }, async ({ status }) => {
    await assertRejects(() => status, StreamResetError);
  });
});

Deno.test("a status of any length is read to its end, and one above 64 KiB is invalid", async () => {
  await against(V4, async (error, stdout) => {
    await stdout.closeWrite();
    const message = "m".repeat(1_000_000);
    const text = JSON.stringify({ ...JSON.parse(FAILED), message });
    await error.write(encoder.encode(text));
    await error.closeWrite();
  }, async ({ status }) => {
    await assertRejects(() => status, RemoteCommandError, "not JSON");
  });
});

Deno.test("an output that is reset with another status than CANCEL fails", async () => {
  await against(V4, async (error, stdout) => {
    await stdout.write(encoder.encode("part"));
    stdout.reset(INTERNAL_ERROR);
    await error.write(encoder.encode('{"status":"Success"}'));
    await error.closeWrite();
  }, async ({ status, stdout }) => {
    await assertRejects(() => toText(stdout), StreamResetError);
    assertEquals((await status).code, 0);
  });
});

Deno.test("bytes from the server on streams of the client stop nothing", async () => {
  await against(V4, async (error, stdout, stdin) => {
    // More than the connection holds while the application waits.
    for (let count = 0; count < 70; count++) {
      await stdin?.write(new Uint8Array(1 << 20));
    }
    await stdout.write(encoder.encode("out"));
    await stdout.closeWrite();
    await error.write(encoder.encode('{"status":"Success"}'));
    await error.closeWrite();
  }, async ({ status, stdout }) => {
    assertEquals(await toText(stdout), "out");
    assertEquals((await status).success, true);
  }, { stdin: true });
});

Deno.test("reading an output that is cancelled before a status fails", async () => {
  // What a container runtime does when its idle timeout ends a command.
  await against(V4, async (error, stdout) => {
    await stdout.write(encoder.encode("first half"));
    await turn();
    stdout.reset(CANCEL);
    error.reset(CANCEL);
  }, async ({ status, stdout }) => {
    const reader = stdout.getReader();
    const { value } = await reader.read();
    assertEquals(new TextDecoder().decode(value), "first half");
    const failure = await assertRejects(
      () => reader.read(),
      RemoteCommandError,
      "stdout may be cut short",
    );
    assertEquals(failure.initiator, "remote");
    await assertRejects(() => status, RemoteCommandError);
  });
});

Deno.test("an output that is cancelled before its status waits for the status", async () => {
  await against(V4, async (error, stdout) => {
    await stdout.write(encoder.encode("all"));
    await turn();
    stdout.reset(CANCEL);
    await turn();
    await error.write(encoder.encode('{"status":"Success"}'));
    await error.closeWrite();
  }, async ({ status, stdout }) => {
    assertEquals(await new Response(stdout).text(), "all");
    assertEquals((await status).code, 0);
  });
});

Deno.test("statusTimeout limits the wait for a status after the output", async () => {
  using time = virtualTime();
  await against(V4, async (_error, stdout) => {
    await stdout.write(encoder.encode("all"));
    await stdout.closeWrite();
  }, async ({ status, stdout }) => {
    assertEquals(await new Response(stdout).text(), "all");
    await assertRejects(
      () => time.until(status),
      RemoteCommandError,
      "within 7000 ms after the end of its output",
    );
    assertEquals(time.now() >= 7000, true);
  }, { statusTimeout: 7000 });
});

Deno.test("statusTimeout does not count while there is output", async () => {
  using time = virtualTime();
  const wait = Promise.withResolvers<void>();
  await against(V4, async (error, stdout) => {
    await stdout.write(encoder.encode("first,"));
    await wait.promise;
    await stdout.write(encoder.encode("last"));
    await stdout.closeWrite();
    await error.write(encoder.encode('{"status":"Success"}'));
    await error.closeWrite();
  }, async ({ status, stdout }) => {
    const text = new Response(stdout).text();
    await time.advance(100_000);
    wait.resolve();
    assertEquals(await text, "first,last");
    assertEquals((await status).code, 0);
  }, { statusTimeout: 7000 });
});

Deno.test("without statusTimeout, a missing status is awaited for 120 s", async () => {
  using time = virtualTime();
  await against(V4, async (_error, stdout) => {
    await stdout.write(encoder.encode("all"));
    await stdout.closeWrite();
  }, async (process) => {
    const failed = assertRejects(
      () => time.until(process.output()),
      RemoteCommandError,
      "within 120000 ms after the end of its output (statusTimeout: 0 waits",
    );
    await failed;
    assertEquals(time.now() >= 120_000 && time.now() < 130_000, true);
  });
});

Deno.test("without statusTimeout, the 120 s start again with each input that the command receives", async () => {
  using time = virtualTime();
  const taken = Promise.withResolvers<void>();
  await against(V4, async (_error, stdout, stdin) => {
    await stdout.closeWrite();
    let size = 0;
    await stdin?.readable.pipeTo(
      new WritableStream({
        write(chunk) {
          size += chunk.length;
          if (size === 5) taken.resolve();
        },
      }),
    ).catch(() => {});
  }, async ({ status, stdin, stdout }) => {
    assertEquals(await new Response(stdout).text(), "");
    const writer = stdin.getWriter();
    for (let count = 0; count < 5; count++) {
      await writer.write(new Uint8Array(1));
      await time.advance(100_000);
    }
    await taken.promise;
    const before = time.now();
    await assertRejects(() => time.until(status), RemoteCommandError);
    assertEquals(time.now() - before <= 21_000, true);
  }, { stdin: true });
});

Deno.test("without statusTimeout, a command whose outputs the caller has cancelled is awaited without limit", async () => {
  using time = virtualTime();
  const end = Promise.withResolvers<void>();
  await against(V4, async (error) => {
    await end.promise;
    await error.write(encoder.encode('{"status":"Success"}'));
    await error.closeWrite();
  }, async ({ status, stdout }) => {
    await stdout.cancel();
    await time.advance(3_600_000);
    end.resolve();
    assertEquals((await status).code, 0);
  });
});

Deno.test("stderr may be read before stdout, and a pause of any length ends nothing", async () => {
  using time = virtualTime();
  await using server = serveStreaming({
    async exec({ stdout, stderr }) {
      const writer = stdout.getWriter();
      for (let count = 0; count < 20; count++) {
        await writer.write(new Uint8Array(1 << 20));
      }
      await writer.close();
      await new Blob(["done"]).stream().pipeTo(stderr);
    },
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  await using process = await exec({ url, pod: { name: "web" } });
  assertEquals(await new Response(process.stderr).text(), "done");
  await time.advance(3_600_000);
  assertEquals((await new Response(process.stdout).bytes()).length, 20 << 20);
  // With a limit, reading stops there, and continues when the reader continues.
  await using bounded = await exec({
    url,
    pod: { name: "web" },
    maxBufferedBytes: 1 << 20,
  });
  const words = new Response(bounded.stderr).text();
  await turn();
  await time.advance(3_600_000);
  assertEquals((await new Response(bounded.stdout).bytes()).length, 20 << 20);
  assertEquals(await words, "done");
});
