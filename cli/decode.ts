/**
 * `spdy decode`: a capture as a table of frames.
 *
 * @module
 */

import { concat } from "../bytes.ts";
import {
  CaptureReader,
  type CaptureRecord,
  type KeyLog,
  Summaries,
} from "../capture/mod.ts";
import { embed, type EmbeddedFile } from "../viewer/embed.ts";
import { type Command, EXIT_FAILURE, EXIT_OK, UsageError } from "./command.ts";
import { RecordFilter } from "./decode/filter.ts";
import { PayloadWriter, readFollowed } from "./decode/follow.ts";
import { recordJson } from "./decode/json.ts";
import { openKeyLog } from "./decode/key_log_file.ts";
import { summaryJson, summaryLines } from "./decode/summary_text.ts";
import { RecordTable } from "./decode/table.ts";
import { defineCommand } from "./help.ts";
import { readOptions } from "./options.ts";
import {
  columns,
  OutputClosedError,
  payloadOut,
  printAll,
  printErrorInRows,
  show,
  type Shown,
  writeFile,
} from "./terminal.ts";

/** Size of one read, bytes. */
const CHUNK = 1 << 18;
/** Most bytes of captures in a page, because a browser reads them as one string. */
const MOST_EMBEDDED = 1 << 27;
/** Lines that are printed in one write. */
const MOST_LINES = 1024;

const OPTIONS = [
  {
    name: "connection",
    value: "N",
    repeated: true,
    help: "only connection N (Wireshark's tcp.stream); repeat or 1,2",
  },
  {
    name: "stream",
    value: "N",
    repeated: true,
    help: "only stream N",
  },
  {
    name: "type",
    value: "TYPE",
    repeated: true,
    help: "only frames of this type, such as SYN_STREAM,RST_STREAM",
  },
  {
    name: "from",
    value: "client|server",
    help: "only what the client, or the server, has sent",
  },
  {
    name: "where",
    value: "CONDITION",
    repeated: true,
    help:
      "only streams with a matching header, beginning at the frame that contains it: NAME, NAME=VALUE, NAME!=VALUE, NAME~REGEX, NAME!~REGEX",
  },
  {
    name: "summary",
    help: "a summary for each connection instead of its frames",
  },
  {
    name: "follow",
    value: "N[.STREAM]",
    help:
      "the payload of connection N, or of one of its streams, instead of frames; --from chooses a side",
  },
  {
    name: "output",
    short: "o",
    value: "FILE",
    help: 'where --follow writes; "-" is standard output (default)',
  },
  {
    name: "keylog",
    value: "FILE",
    help:
      "TLS secrets; default $SSLKEYLOGFILE. TLS 1.2 and 1.3 with AES-GCM are decrypted",
  },
  { name: "json", help: "one JSON object a line" },
  {
    name: "html",
    value: "FILE",
    help:
      'write a page for a browser that shows the captures, with their bytes inside; "-" is standard output',
  },
] as const;

/** `spdy decode FILE...` */
export const decode: Command = defineCommand({
  name: "decode",
  summary: "a capture as a table of frames",
  usage: "[OPTION...] FILE...",
  about:
    `Reads captured SPDY and prints its frames, headers inflated in both directions.
It finds SPDY on any port, behind an HTTP/1.1 upgrade, in a WebSocket (Kubernetes
port-forward), in TLS whose secrets are known, and in VLAN, PPPoE, MPLS, GRE,
VXLAN and Geneve. It marks what it cannot read, and continues.

FILE is pcap (tcpdump -w), pcapng (tshark -w), raw bytes or hex digits; each may
be compressed with gzip. "-" is standard input, read as it arrives. Several
captures are read as one. A raw or hex file is one direction.

  tcpdump -U -w - tcp | spdy decode -`,
  options: OPTIONS,
  notes:
    `Exit code 0 when everything was read, 1 when something could not be read (it is
marked in the table, or reported on standard error) or no frame matches, 2 for wrong
arguments.

Permissions: --allow-read for the files, --allow-env for SSLKEYLOGFILE,
--allow-write for -o and --html.`,
  async run(args: string[]): Promise<number> {
    const { values, lists, flags, positionals: names } = readOptions(
      args,
      OPTIONS,
    );
    if (names.length === 0) throw new UsageError("decode needs a file");
    if (values.output !== undefined && values.follow === undefined) {
      throw new UsageError("-o needs --follow");
    }
    if (values.html !== undefined) {
      const others = [
        ...Object.entries(values).filter(([name]) => name !== "html"),
        ...Object.entries(lists).filter(([, all]) => all.length > 0),
        ...Object.entries(flags).filter(([, isSet]) => isSet),
      ].filter(([, value]) => value !== undefined);
      if (others.length > 0) {
        throw new UsageError(
          "--html takes no other option: filter in the page, and drop a key log onto it",
        );
      }
      return await writePage(values.html, names);
    }
    const followed = values.follow === undefined
      ? undefined
      : readFollowed(values.follow);
    if (followed !== undefined) {
      // The other filters choose among what --follow names.
      const refused = [
        ...(lists.connection.length > 0 ? ["--connection"] : []),
        ...(followed.stream && lists.stream.length > 0 ? ["--stream"] : []),
        ...(lists.type.length > 0 ? ["--type"] : []),
        ...(flags.summary ? ["--summary"] : []),
        ...(flags.json ? ["--json"] : []),
      ];
      if (refused.length > 0) {
        throw new UsageError(
          `--follow ${values.follow} takes no ${
            refused.join(", ")
          }: it writes the payload of what it names`,
        );
      }
    }
    if (values.output !== undefined && values.output !== "-") {
      await refuseSameFile("-o", values.output, names);
    }
    const filter = new RecordFilter({
      connections: followed ? [followed.connection] : lists.connection,
      streams: followed?.stream ? [followed.stream] : lists.stream,
      types: lists.type,
      where: lists.where,
      from: values.from,
    });
    const decoding = new Decoding(
      filter,
      followed === undefined ? undefined : new PayloadWriter(values.output),
      flags.json,
      flags.summary,
    );
    return await decoding.run(names, await openKeyLog(values.keylog));
  },
});

/** One run of the command. */
class Decoding {
  readonly #filter: RecordFilter;
  readonly #payloads: PayloadWriter | undefined;
  readonly #isJson: boolean;
  readonly #summaries: Summaries | undefined;
  readonly #columns = columns();
  readonly #table = new RecordTable(this.#columns);
  /** Connections of which nothing was printed yet. */
  readonly #hidden = new Map<number, CaptureRecord>();
  #lines: Shown[] = [];
  #frames = 0;
  /** Frames that match the filters. */
  #shown = 0;
  #faults = 0;
  /** Faults of frames and notes that are not printed, because --follow writes payload. */
  #notPrinted = 0;

  constructor(
    filter: RecordFilter,
    payloads: PayloadWriter | undefined,
    isJson: boolean,
    isSummary: boolean,
  ) {
    this.#filter = filter;
    this.#payloads = payloads;
    this.#isJson = isJson;
    this.#summaries = isSummary ? new Summaries() : undefined;
  }

  async run(names: readonly string[], keyLog: KeyLog): Promise<number> {
    const payloads = this.#payloads;
    const reader = new CaptureReader({
      onRecord: (record) => this.#record(record),
      onPayload: payloads && ((payload) => {
        if (this.#filter.acceptsPayload(payload)) payloads.add(payload);
      }),
    }, { keyLog });
    try {
      for (const name of names) {
        reader.begin(name);
        for await (const chunk of chunksOf(name)) {
          await reader.push(chunk);
          await this.#flush();
        }
        await reader.endFile();
      }
      await reader.end();
      await this.#flush();
      await payloads?.close();
    } catch (error) {
      // The reader of the output has ended; this counts as success.
      if (error instanceof OutputClosedError) return EXIT_OK;
      throw error;
    } finally {
      this.#print();
    }
    if (this.#frames === 0) {
      throw new Error(
        `${names.join(", ")}: no SPDY frames found${othersText(reader.others)}${
          cutText(reader.cutPackets)
        }`,
      );
    }
    if (payloads !== undefined && payloads.missing > 0) {
      this.#faults++;
      printErrorInRows(
        show`spdy decode: the capture lacks ${payloads.missing} bytes of the payload`,
      );
    } else if (this.#notPrinted > 0) {
      printErrorInRows(
        show`spdy decode: ${
          this.#notPrinted === 1
            ? "one frame or place"
            : `${this.#notPrinted} frames or places`
        } could not be read; to see where, run decode without --follow`,
      );
    }
    // A summary has the connections, whatever their frames are.
    if (this.#shown === 0 && this.#summaries === undefined) {
      printErrorInRows(
        show`spdy decode: none of ${this.#frames} frames matches`,
      );
      return EXIT_FAILURE;
    }
    return this.#faults > 0 ? EXIT_FAILURE : EXIT_OK;
  }

  #record(record: CaptureRecord): void {
    if (record.kind === "frame") this.#frames++;
    if (record.kind === "warning") {
      this.#faults++;
      printErrorInRows(show`spdy decode: ${record.text}`);
      return;
    }
    if (!this.#filter.accepts(record)) return;
    if (record.kind === "frame") this.#shown++;
    if (
      record.kind === "frame" && record.error !== undefined ||
      record.kind === "note" && record.isError
    ) {
      this.#faults++;
      if (this.#payloads !== undefined) this.#notPrinted++;
    }
    if (this.#payloads !== undefined) return;
    if (this.#summaries !== undefined) {
      this.#addSummary(this.#summaries, record);
    } else if (this.#isJson) {
      const line = recordJson(record);
      if (line !== undefined) this.#lines.push(line);
    } else this.#addRows(record);
    if (this.#lines.length >= MOST_LINES) this.#print();
  }

  #addSummary(summaries: Summaries, record: CaptureRecord): void {
    const summary = summaries.add(record);
    if (summary === undefined) return;
    if (this.#isJson) this.#lines.push(summaryJson(summary));
    else this.#lines.push(...summaryLines(summary, this.#columns));
  }

  /** A connection is announced before its first line. */
  #addRows(record: CaptureRecord): void {
    if (record.kind === "connection") {
      this.#hidden.set(record.connection, record);
      return;
    }
    if ("connection" in record) {
      const hidden = this.#hidden.get(record.connection);
      this.#hidden.delete(record.connection);
      if (hidden !== undefined && record.kind !== "end") {
        this.#table.append(hidden, this.#lines);
      }
    }
    this.#table.append(record, this.#lines);
  }

  async #flush(): Promise<void> {
    this.#print();
    await this.#payloads?.flush();
  }

  #print(): void {
    const lines = this.#lines;
    this.#lines = [];
    printAll(lines);
  }
}

/** Writes the page with the captures. */
async function writePage(
  output: string,
  names: readonly string[],
): Promise<number> {
  await refuseSameFile("--html", output, names);
  const files: EmbeddedFile[] = [];
  let room = MOST_EMBEDDED;
  for (const name of names) {
    const pieces: Uint8Array[] = [];
    for await (const chunk of chunksOf(name)) {
      room -= chunk.length;
      if (room < 0) {
        throw new Error(
          `${name}: a page holds at most ${MOST_EMBEDDED} bytes of captures; split the capture, or open it in docs/capture_viewer.html`,
        );
      }
      pieces.push(new Uint8Array(chunk));
    }
    files.push({
      // Without the folder, because the page may be passed to others.
      name: name.replace(/^.*[/\\]/, ""),
      bytes: concat(pieces),
    });
  }
  // The page is large, so only this option loads it.
  const { PAGE } = await import("../viewer/page_text.ts");
  const page = embed(PAGE, files);
  if (output === "-") await new Blob([page]).stream().pipeTo(payloadOut());
  else await writeFile(output, page);
  return EXIT_OK;
}

/** Throws if the output of an option would overwrite one of the captures. */
async function refuseSameFile(
  option: string,
  output: string,
  names: readonly string[],
): Promise<void> {
  // A file that cannot be read is not one of the captures.
  const real = async (name: string): Promise<string | undefined> => {
    if (name === "-") return undefined;
    const { state } = await Deno.permissions.query({
      name: "read",
      path: name,
    });
    if (state !== "granted") return undefined;
    return await Deno.realPath(name).catch(() => undefined);
  };
  const target = await real(output);
  if (target === undefined) return;
  for (const name of names) {
    if (await real(name) === target) {
      throw new UsageError(
        `${option} ${output}: the output would replace the capture ${name}; name another file`,
      );
    }
  }
}

/** A hint that the capture lacks the ends of packets. */
function cutText(count: number): string {
  return count === 0
    ? ""
    : `; the capture has only the beginning of ${count} packets: use a larger snapshot length (tcpdump -s 0)`;
}

/** The protocols of connections without SPDY, if there are any. */
function othersText(others: ReadonlyMap<string, number>): string {
  const counts = [...others].map(([what, count]) => `${what} ${count}`);
  return counts.length === 0 ? "" : `; other connections: ${counts.join(", ")}`;
}

/** Reads the file in pieces; their memory is reused. */
async function* chunksOf(name: string): AsyncGenerator<Uint8Array> {
  if (name === "-") {
    yield* Deno.stdin.readable;
    return;
  }
  using file = await Deno.open(name);
  const buffer = new Uint8Array(CHUNK);
  for (;;) {
    const length = await file.read(buffer).catch((cause) => {
      // The message of the platform does not name the file.
      throw new Error(name, { cause });
    });
    if (length === null) return;
    yield buffer.subarray(0, length);
  }
}
