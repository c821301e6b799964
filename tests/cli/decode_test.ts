import { assertEquals, assertMatch, concat, decodeHex } from "../deps.ts";
import {
  ipv4Packet,
  pcapFile,
  pcapngFile,
  type SegmentSpec,
} from "../capture/packets.ts";
import { NOT_FOUND } from "../helpers/system_texts.ts";
import { run } from "./process.ts";

interface Recording {
  readonly name: string;
  readonly version: string;
  readonly hex: { readonly client: string; readonly server: string };
  readonly frames: {
    readonly client: { type: string; offset: number }[];
    readonly server: { type: string }[];
  };
}

const recordings: Recording[] = JSON.parse(
  await Deno.readTextFile(
    new URL("../vectors/spdylay/conversations.json", import.meta.url),
  ),
);

function recording(name: string, version: string): Recording {
  const found = recordings.find((each) =>
    each.name === name && each.version === version
  );
  if (found === undefined) {
    throw new Error(`no recording ${name} of SPDY/${version}`);
  }
  return found;
}

/** Splits what both sides sent into segments. */
function packets({ hex }: Recording): Uint8Array[] {
  const sides = [
    { fromPort: 50000, toPort: 6121, bytes: decodeHex(hex.client) },
    { fromPort: 6121, toPort: 50000, bytes: decodeHex(hex.server) },
  ];
  return sides.flatMap(({ fromPort, toPort, bytes }) => {
    const segments: SegmentSpec[] = [{
      fromPort,
      toPort,
      sequence: 1,
      syn: true,
    }];
    for (let at = 0; at < bytes.length; at += 1000) {
      segments.push({
        fromPort,
        toPort,
        sequence: 2 + at,
        bytes: bytes.subarray(at, at + 1000),
      });
    }
    return segments.map(ipv4Packet);
  });
}

async function withFile(
  bytes: Uint8Array | string,
  test: (file: string) => Promise<void>,
): Promise<void> {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeFile(
      file,
      typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes,
    );
    await test(file);
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("decode reads the output of a real spdylay, as hex and as raw bytes", async () => {
  for (const version of ["2", "3", "3.1"]) {
    const { hex, frames } = recording("several_requests_one_context", version);
    for (const form of [hex.client, decodeHex(hex.client)]) {
      await withFile(form, async (file) => {
        const { code, stdout } = await run(["decode", "--json", file], {
          permissions: [`--allow-read=${file}`],
        });
        const decoded = stdout.trim().split("\n").map((line) =>
          JSON.parse(line)
        );
        assertEquals(code, 0);
        assertEquals(
          decoded.map(({ type, offset }) => ({ type, offset })),
          frames.client.map(({ type, offset }) => ({ type, offset })),
        );
        assertEquals(
          decoded[0].nv.find(([name]: [string]) => name === ":path"),
          [":path", "/page/0"],
        );
      });
    }
  }
});

Deno.test("decode reads both directions of pcap and pcapng files", async () => {
  const conversation = recording("several_requests_one_context", "3");
  const { client, server } = conversation.frames;
  for (
    const file of [
      pcapFile({ linkType: 101, packets: packets(conversation) }),
      pcapngFile(101, packets(conversation)),
    ]
  ) {
    await withFile(file, async (name) => {
      const { code, stdout } = await run(["decode", name]);
      assertEquals(code, 0);
      assertMatch(stdout, /^0 {2}127\.0\.0\.1:50000 -> 127\.0\.0\.1:6121\n/);
      assertEquals(stdout.match(/^ {2}0 -> +\d+ /gm)?.length, client.length);
      assertEquals(stdout.match(/^ {2}0 <- +\d+ /gm)?.length, server.length);
      assertMatch(stdout, /:path \/page\/0/);
    });
  }
});

Deno.test("decode marks errors at their offset and exits with 1", async () => {
  const ping = "800300060000000400000001";
  const cases: [hex: string, table: RegExp][] = [
    [`${ping}8003000600000005`, /12 +PING {2}! frame cut short after 8 bytes/],
    [`${ping}800300`, /12 {2}! frame cut short after 3 bytes/],
    // The following frames are read, because the lengths are correct.
    [
      `${ping}80030006000000050000000100${ping}`,
      /12 +PING {2}! 5 bytes are not a valid payload length for this frame\n.* 25 +PING .* id 1\n$/,
    ],
    [
      `${ping}800500040000000400000000${ping}`,
      /12 +SETTINGS {2}! version 5 is not 2 or 3\n.* 24 +PING .* id 1\n$/,
    ],
    [
      `${ping}800300020000000a00000001ffffffffffff${ping}`,
      /12 +SYN_REPLY +1 +10 {2}! headers unreadable: header block does not inflate.*\n.* 30 +PING .* id 1\n$/,
    ],
  ];
  for (const [hex, table] of cases) {
    await withFile(hex, async (file) => {
      const { code, stdout } = await run(["decode", file]);
      assertEquals(code, 1, hex);
      assertMatch(stdout, table);
      assertMatch(stdout, /PING .* id 1\n/);
    });
  }
});

Deno.test("decode shows unknown and ignored frames, and escapes control characters", async () => {
  const frames = "8003006300000002aabb" + "8002000500000000" +
    "00000001010000021b5b";
  await withFile(frames, async (file) => {
    const { code, stdout } = await run(["decode", file]);
    assertEquals(code, 0);
    assertMatch(stdout, /unknown type 99\n.*NOOP\n.*DATA +1 +2 +FIN\n/);
  });
});

Deno.test("decode reports files that it cannot use", async () => {
  assertEquals((await run(["decode"])).code, 2);
  const missing = await run(["decode", "/does/not/exist"]);
  assertEquals(missing.code, 1);
  assertMatch(missing.stderr, NOT_FOUND);
  const capture = pcapFile({ linkType: 101, packets: [new Uint8Array(40)] });
  await withFile(capture, async (file) => {
    assertMatch((await run(["decode", file])).stderr, /no SPDY frames found/);
  });
  // The packet had 2000 bytes.
  new DataView(capture.buffer).setUint32(24 + 12, 2000, true);
  await withFile(capture, async (file) => {
    assertMatch(
      (await run(["decode", file])).stderr,
      /no SPDY frames found; the capture has only the beginning of 1 packets/,
    );
  });
  await withFile(concat([capture, new Uint8Array(3)]), async (file) => {
    assertMatch(
      (await run(["decode", file])).stderr,
      /the packet at offset 80 is cut off after 3 bytes; everything before it was read\n/,
    );
  });
  const stdin = await run(["decode", "-"], {
    input: new TextEncoder().encode("800300060000000400000001"),
  });
  assertMatch(stdin.stdout, /PING/);
});

Deno.test("the command line lists its commands and refuses others", async () => {
  const none = await run([]);
  assertEquals(none.code, 2);
  const help = await run(["--help"]);
  assertEquals(help.code, 0);
  for (const name of ["get", "serve", "proxy", "decode", "bench"]) {
    assertMatch(help.stdout, new RegExp(`^ {2}${name} `, "m"));
    assertMatch(
      (await run([name, "--help"])).stdout,
      new RegExp(`^Usage: spdy ${name}`),
    );
  }
  const unknown = await run(["frobnicate"]);
  assertEquals(unknown.code, 2);
  assertMatch(unknown.stderr, /unknown command "frobnicate"; known are get, /);
});
