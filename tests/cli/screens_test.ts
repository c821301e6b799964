/**
 * What the command line shows on terminals of different widths. After an intended
 * change:
 *
 *     deno run -A tools/std.ts test -A tests/cli/screens_test.ts -- --update
 */

import { main } from "../../cli.ts";
import { type Timing, waterfallSvg, waterfallText } from "../../cli/timing.ts";
import { stripAnsiCode } from "../../deps.ts";
import { assertSnapshot, decodeHex, stub } from "../deps.ts";
import { ipv4Packet, pcapFile } from "../capture/packets.ts";

const WIDTHS = [60, 80, 200];

const TIMINGS: readonly Timing[] = [
  {
    url: "spdy://example.com/",
    start: 0,
    sent: 0.4,
    head: 12.25,
    end: 31.5,
    bytes: 18_204,
    result: "200",
  },
  {
    url: "spdy://example.com/scripts/vendor/a-library-with-a-long-name.min.js",
    start: 13,
    sent: 14.5,
    head: 30,
    end: 118.75,
    bytes: 401_133,
    result: "200",
  },
  {
    url: "spdy://example.com/favicon.ico",
    start: 13,
    sent: 14.5,
    head: 22,
    end: 22,
    bytes: 0,
    result: "404",
  },
  {
    url: "spdy://example.com/refused",
    start: 40,
    sent: 41,
    end: 60,
    bytes: 0,
    result: "REFUSED_STREAM",
  },
];

for (const columns of WIDTHS) {
  Deno.test(`screens: the waterfall of get on ${columns} columns`, async (context) => {
    await assertSnapshot(context, [...waterfallText(TIMINGS, columns)]);
  });
}

Deno.test("screens: the waterfall of get as a picture", async (context) => {
  await assertSnapshot(context, waterfallSvg(TIMINGS).split("\n"));
});

/** A capture of both directions of a recording, one segment for each. */
async function captured(name: string, version: string): Promise<Uint8Array> {
  const recordings: {
    name: string;
    version: string;
    hex: { client: string; server: string };
  }[] = JSON.parse(
    await Deno.readTextFile(
      new URL("../vectors/spdylay/conversations.json", import.meta.url),
    ),
  );
  const found = recordings.find((each) =>
    each.name === name && each.version === version
  );
  if (found === undefined) throw new Error(`there is no recording ${name}`);
  const there = { fromPort: 50000, toPort: 6121 };
  const back = { fromPort: 6121, toPort: 50000 };
  const packets = [
    { ...there, sequence: 1, syn: true },
    { ...back, sequence: 1, syn: true },
    { ...there, sequence: 2, bytes: decodeHex(found.hex.client) },
    { ...back, sequence: 2, bytes: decodeHex(found.hex.server) },
  ].map(ipv4Packet);
  return pcapFile({ linkType: 101, packets });
}

/** What `main` writes to a terminal of so many columns. */
async function shown(args: string[], columns: number): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  using _terminal = stub(Deno.stdout, "isTerminal", () => true);
  using _size = stub(Deno, "consoleSize", () => ({ columns, rows: 24 }));
  using _write = stub(Deno.stdout, "writeSync", (bytes: Uint8Array) => {
    text += decoder.decode(bytes, { stream: true });
    return bytes.length;
  });
  using _log = stub(console, "log", (...parts: unknown[]) => {
    text += `${parts.join(" ")}\n`;
  });
  await main(args);
  return stripAnsiCode(text);
}

for (const columns of WIDTHS) {
  Deno.test(`screens: decode of a recording on ${columns} columns`, async (context) => {
    const file = await Deno.makeTempFile({ suffix: ".pcap" });
    try {
      await Deno.writeFile(file, await captured("settings_ping_goaway", "3.1"));
      for (const flags of [[], ["--summary"]]) {
        const text = await shown(["decode", ...flags, file], columns);
        await assertSnapshot(
          context,
          text.replaceAll(file, "FILE").split("\n"),
        );
      }
    } finally {
      await Deno.remove(file);
    }
  });
}
