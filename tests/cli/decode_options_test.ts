import { stripAnsiCode } from "../../deps.ts";
import { ping, Talk } from "../capture/reading.ts";
import { Deflate, SPDY3_DICTIONARY } from "../../zlib/mod.ts";
import { assert, assertEquals, assertMatch, concat } from "../deps.ts";
import { run, runOnTerminal, spawn } from "./process.ts";
import { linuxOnly } from "../helpers/unix_only.ts";

async function withCapture(
  bytes: Uint8Array,
  test: (file: string) => Promise<void>,
): Promise<void> {
  const file = await Deno.makeTempFile({ suffix: ".pcap" });
  try {
    await Deno.writeFile(file, bytes);
    await test(file);
  } finally {
    await Deno.remove(file);
  }
}

/** Two connections, each with two requests and their answers. */
function capture(): Uint8Array {
  const talks = [50000, 50001].map((clientPort) => {
    const talk = new Talk({ clientPort });
    talk.send("client", talk.request(1, "/api/users"));
    talk.send("client", talk.request(3, "/style.css"));
    talk.send("server", concat([talk.reply(1), talk.data(1, "users\n", 1)]));
    talk.send("server", concat([talk.reply(3), talk.data(3, "style\n", 1)]));
    talk.send("client", ping(1));
    return talk.close("client").close("server");
  });
  const [first, second] = talks;
  first.segments.push(...second.segments);
  return first.file();
}

interface Line {
  readonly connection: number;
  readonly type: string;
  readonly streamId?: number;
  readonly direction: string;
}

async function lines(file: string, ...args: string[]): Promise<string[]> {
  const { stdout } = await run(["decode", "--json", ...args, file]);
  return stdout.trim().split("\n").filter(Boolean).map((text) => {
    const { connection, type, streamId, direction } = JSON.parse(text) as Line;
    return `${connection} ${direction} ${type} ${streamId ?? ""}`.trim();
  });
}

Deno.test("decode filters by connection, stream, type, side and header", async () => {
  await withCapture(capture(), async (file) => {
    assertEquals((await lines(file)).length, 14);
    assertEquals(await lines(file, "--connection", "1", "--stream", "3"), [
      "1 client SYN_STREAM 3",
      "1 server SYN_REPLY 3",
      "1 server DATA 3",
    ]);
    assertEquals(await lines(file, "--type", "ping"), [
      "0 client PING",
      "1 client PING",
    ]);
    assertEquals(
      await lines(file, "--from", "server", "--connection=0", "--type=DATA"),
      ["0 server DATA 1", "0 server DATA 3"],
    );
    for (
      const where of [":path~^/api", ":path=/api/users", ":path!=/style.css"]
    ) {
      assertEquals(await lines(file, "--where", where, "--connection", "0"), [
        "0 client SYN_STREAM 1",
        "0 server SYN_REPLY 1",
        "0 server DATA 1",
      ]);
    }
    const none = await run(["decode", "--connection", "7", file]);
    assertEquals([none.code, none.stdout], [1, ""]);
    assertMatch(none.stderr, /none of 14 frames matches/);
  });
});

Deno.test("decode refuses invalid options", async () => {
  await withCapture(capture(), async (file) => {
    for (
      const args of [
        ["--connection", "x"],
        ["--where", "=x"],
        ["--where", "a~("],
        ["--from", "both"],
        ["--follow", "a"],
        ["--follow", "1.2.3"],
        ["--follow", "0", "--json"],
        ["--follow", "0", "--summary"],
        ["--follow", "0", "--type", "PING"],
        ["--follow", "0", "--connection", "1"],
        ["--follow", "0.1", "--stream", "3"],
        ["-o", "out"],
        ["--follow", "0", "-o", file],
      ]
    ) {
      const { code, stderr } = await run(["decode", ...args, file]);
      assertEquals(code, 2, args.join(" "));
      assertMatch(stderr, /^spdy: /);
    }
    assertEquals(await Deno.readFile(file), capture());
  });
});

Deno.test("decode --follow writes the payload, to standard output and to a file", async () => {
  await withCapture(capture(), async (file) => {
    const one = await run(["decode", "--follow", "1.3", file]);
    assertEquals([one.code, one.stdout], [0, "style\n"]);
    const all = await run(["decode", "--follow", "0", file]);
    assertEquals([all.code, all.stdout], [0, "users\nstyle\n"]);
    const where = ["--where", ":path~css"];
    const found = await run(["decode", "--follow", "0", ...where, file]);
    assertEquals(found.stdout, "style\n");
    const stream = await run(["decode", "--follow=0", "--stream=3", file]);
    assertEquals([stream.code, stream.stdout], [0, "style\n"]);
    for (const missing of ["0.99", "7"]) {
      const none = await run(["decode", "--follow", missing, file]);
      assertEquals([none.code, none.stdout], [1, ""]);
      assertMatch(none.stderr, /none of 14 frames matches/);
    }
    const out = `${file}.out`;
    try {
      const written = await run(["decode", "--follow=0.1", "-o", out, file]);
      assertEquals([written.code, written.stdout], [0, ""]);
      assertEquals(await Deno.readTextFile(out), "users\n");
    } finally {
      await Deno.remove(out);
    }
  });
});

Deno.test("decode --follow reports what the capture lacks", async () => {
  const talk = new Talk();
  const body = talk.data(1, "x".repeat(3000));
  talk.send("client", talk.request(1, "/"));
  talk.send("server", concat([talk.reply(1), body.subarray(0, 1008)]));
  talk.send("server", body.subarray(1008, 2008));
  talk.send("server", body.subarray(2008));
  talk.segments.splice(-2, 1);
  await withCapture(talk.file(), async (file) => {
    const { code, stdout, stderr } = await run([
      "decode",
      "--follow=0.1",
      file,
    ]);
    assertEquals([code, stdout], [1, "x".repeat(2000)]);
    assertMatch(stderr, /the capture lacks 1000 bytes of the payload/);
  });
});

Deno.test("decode --follow says why it fails although the payload is complete", async () => {
  const talk = new Talk();
  talk.send("client", talk.request(1, "/"));
  const reply = talk.reply(1);
  reply.fill(0xff, 20);
  talk.send("server", concat([reply, talk.data(1, "hello", 1)]));
  await withCapture(talk.file(), async (file) => {
    const { code, stdout, stderr } = await run(["decode", "--follow=0", file]);
    assertEquals([code, stdout], [1, "hello"]);
    assertMatch(stderr, /one frame or place could not be read/);
  });
  // The end of the last frame is missing.
  const cut = new Talk();
  cut.send("client", cut.request(1, "/"));
  cut.send("client", cut.data(1, "hello").subarray(0, 11));
  await withCapture(cut.file(), async (file) => {
    const { code, stdout, stderr } = await run(["decode", "--follow=0", file]);
    assertEquals([code, stdout], [1, "hel"]);
    assertMatch(stderr, /the capture lacks 2 bytes of the payload/);
  });
});

Deno.test("decode --where: request and response may each meet a condition; errors of --type and FILE are clear", async () => {
  await withCapture(capture(), async (file) => {
    const both = ["--where", ":path=/style.css", "--where", ":status=200"];
    assertEquals(await lines(file, ...both), [
      "0 server SYN_REPLY 3",
      "0 server DATA 3",
      "1 server SYN_REPLY 3",
      "1 server DATA 3",
    ]);
    assertEquals(
      await lines(file, "--where", ":path=/none", "--where", ":status=200"),
      [],
    );
    const wrong = await run(["decode", "--type", "SYN_REPLAY", file]);
    assertEquals(wrong.code, 2);
    assertMatch(wrong.stderr, /--type SYN_REPLAY: .*did you mean SYN_REPLY\?/);
    const unknown = await run(["decode", "--type", "unknown type 99", file]);
    assertEquals(unknown.code, 1);
    const folder = file.replace(/[/\\][^/\\]*$/, "");
    const { code, stderr } = await run(["decode", folder]);
    assertEquals(code, 1);
    assert(stderr.startsWith(`spdy: ${folder}: `), stderr);
  });
});

Deno.test("decode --summary counts frames, header compression, resets and stalled windows", async () => {
  const talk = new Talk();
  talk.send("client", talk.request(1, "/"));
  talk.send("server", talk.reply(1));
  for (let n = 0; n < 4; n++) {
    talk.send("server", talk.data(1, "x".repeat(16384)));
  }
  // The window of the stream is used up, until it is enlarged 5 packets later.
  for (let id = 1; id < 10; id += 2) talk.send("client", ping(id));
  const update = (stream: number): Uint8Array =>
    new Uint8Array([0x80, 3, 0, 9, 0, 0, 0, 8, 0, 0, 0, stream, 0, 1, 0, 0]);
  talk.send("client", concat([update(0), update(1)]));
  talk.send(
    "client",
    new Uint8Array([0x80, 3, 0, 3, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 5]),
  );
  talk.close("client").close("server");
  await withCapture(talk.file(), async (file) => {
    const { code, stdout } = await run(["decode", "--summary", file]);
    assertEquals(code, 0);
    assertMatch(stdout, /^0 {2}127\.0\.0\.1:50000 -> 127\.0\.0\.1:6121\n/);
    assertMatch(stdout, /closed, 1 stream\n/);
    assertMatch(stdout, /<- 5 frames, \d+ bytes, 65536 of them payload\n/);
    assertMatch(stdout, /resets CANCEL 1\n/);
    assertMatch(stdout, /headers \d+ -> \d+ bytes \(\d+%\) in 1 block\n/);
    assertMatch(stdout, /<- window of stream 1 used up once, 6\.0 ms\n/);
    assertMatch(stdout, /<- window of the session used up once, 6\.0 ms\n/);
    const json = await run(["decode", "--summary", "--json", file]);
    const summary = JSON.parse(json.stdout);
    assertEquals(summary.type, "summary");
    assertEquals(summary.fromServer.types, { SYN_REPLY: 1, DATA: 4 });
    assertEquals(summary.stalls.length, 2);
  });
});

Deno.test("decode --summary: a header block that inflates to nothing has no percentage", async () => {
  const block = new Deflate({ dictionary: SPDY3_DICTIONARY })
    .push(new Uint8Array(), "sync");
  const head = [0x80, 3, 0, 1, 0, 0, 0, 10 + block.length];
  const frame = concat([
    new Uint8Array([...head, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
    block,
  ]);
  await withCapture(frame, async (file) => {
    const { stdout } = await run(["decode", "--summary", file]);
    assertMatch(stdout, /headers 0 -> \d+ bytes in 1 block\n/);
  });
});

Deno.test("decode prints the input of a pipe before the pipe ends", async () => {
  const process = spawn(["decode", "-"], {
    stdin: "piped",
    stderr: "inherit",
  });
  const writer = process.stdin.getWriter();
  const talk = new Talk();
  talk.send("client", talk.request(1, "/one"));
  const first = talk.file();
  await writer.write(first as Uint8Array<ArrayBuffer>);
  let printed = "";
  const reader = process.stdout.pipeThrough(new TextDecoderStream())
    .getReader();
  // The rest of the file is written only after this was printed.
  while (!printed.includes(":path /one")) {
    const { done, value } = await reader.read();
    assert(!done, "decode ended");
    printed += value;
  }
  talk.send("client", ping(1));
  await writer.write(
    talk.file().slice(first.length) as Uint8Array<ArrayBuffer>,
  );
  await writer.close();
  while (!printed.includes("PING")) {
    const { done, value } = await reader.read();
    assert(!done, "decode ended");
    printed += value;
  }
  await reader.cancel();
  assertEquals((await process.status).code, 0);
});

linuxOnly.test("decode fits the columns of a terminal; in a pipe, a record is one line", async () => {
  const talk = new Talk();
  talk.send("client", talk.request(1, `/${"long-path/".repeat(20)}`));
  talk.send("server", talk.reply(3));
  // The end is cut off, and the warning has a line, too.
  await withCapture(talk.file().subarray(0, -3), async (file) => {
    const piped = await run(["decode", file]);
    const long = `:path /${"long-path/".repeat(20)}`;
    assert(piped.stdout.split("\n").some((line) => line.endsWith(long)));
    assertEquals(piped.stderr.trimEnd().split("\n").length, 1);
    for (const columns of [60, 80, 200]) {
      const text = stripAnsiCode(
        await runOnTerminal(["decode", file], columns),
      );
      const rows = text.replaceAll("\r", "").split("\n");
      for (const row of rows) assert(row.length <= columns, row);
      const words = (rows: string) => rows.replace(/\s/g, "");
      assert(words(text).includes(words(long)), text);
      assert(words(text).includes(words(piped.stderr)), text);
    }
  });
});
