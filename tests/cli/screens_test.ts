/**
 * The output of the command line on terminals of different widths. After an
 * intended change:
 *
 *     deno run -A tools/std.ts test -A tests/cli/screens_test.ts -- --update
 */

import { main } from "../../cli.ts";
import { type Timing, waterfallSvg, waterfallText } from "../../cli/timing.ts";
import { stripAnsiCode } from "../../deps.ts";
import { SYN_STREAM } from "../../frame/mod.ts";
import { assert, assertSnapshot, concat, decodeHex, stub } from "../deps.ts";
import { ipv4Packet, pcapFile } from "../capture/packets.ts";
import { ascii, ping, Talk } from "../capture/reading.ts";

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

/** What `main` writes to a terminal with this many columns. */
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
  using _error = stub(console, "error", (...parts: unknown[]) => {
    text += `${parts.join(" ")}\n`;
  });
  using _errorTerminal = stub(Deno.stderr, "isTerminal", () => true);
  await main(args);
  return stripAnsiCode(text);
}

/** An upgrade, long headers, a lost packet, a reset, and a file that is cut off. */
function troubled(): Uint8Array {
  const talk = new Talk();
  const head = (first: string, fields: string[]): Uint8Array =>
    ascii([first, ...fields, "", ""].join("\r\n"));
  talk.send(
    "client",
    head(
      "POST /api/v1/namespaces/default/pods/web-5d9c7b8f4-x2x7k/exec?command=sh&container=main&stdin=true&stdout=true HTTP/1.1",
      ["Connection: Upgrade", "Upgrade: SPDY/3.1"],
    ),
  );
  talk.send(
    "server",
    head("HTTP/1.1 101 Switching Protocols", [
      "Connection: Upgrade",
      "Upgrade: SPDY/3.1",
    ]),
  );
  talk.send(
    "client",
    talk.client.encode({
      frameType: SYN_STREAM,
      version: 3,
      flags: 0,
      length: 0,
      streamId: 1,
      assocStreamId: 0,
      pri: 3,
      slot: 0,
      nv: [
        [":path", `/search?q=${"a-long-word-".repeat(9)}`],
        ["accept-language", "en-GB,en;q=0.9, de;q=0.8, fr;q=0.7, ja;q=0.6"],
        [
          "cookie",
          "session=0123456789abcdef0123456789abcdef; theme=dark; \u4e2d\u6587=\u4e2d\u6587\u4e2d\u6587",
        ],
        ["streamtype", "error"],
      ],
    }),
  );
  talk.send("server", talk.reply(1));
  talk.send("server", talk.reply(3)).segments.pop();
  talk.send("server", concat([talk.reply(5), talk.data(1, "x".repeat(70000))]));
  talk.send("client", concat([ping(1), ping(3)]));
  return talk.file().subarray(0, -7);
}

for (const columns of WIDTHS) {
  Deno.test(`screens: decode of a troubled capture on ${columns} columns`, async (context) => {
    const file = await Deno.makeTempFile({ suffix: ".pcap" });
    try {
      await Deno.writeFile(file, troubled());
      // The same name everywhere, because it is in lines whose width depends on
      // it.
      const { open } = Deno;
      using _open = stub(Deno, "open", () => open(file));
      for (const flags of [[], ["--summary"], ["--type=NOOP"]]) {
        const text = await shown(["decode", ...flags, "one.pcap"], columns);
        const lines = text.split("\n");
        for (const line of lines) assert(line.length <= columns, line);
        await assertSnapshot(context, lines);
      }
    } finally {
      await Deno.remove(file);
    }
  });

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
