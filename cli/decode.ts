/**
 * `spdy decode`: a capture as a table of frames.
 *
 * @module
 */

import { CaptureReader, type CaptureRecord } from "../capture/mod.ts";
import { readArguments } from "./arguments.ts";
import { type Command, EXIT_FAILURE, EXIT_OK, UsageError } from "./command.ts";
import { recordJson } from "./decode/json.ts";
import { RecordTable } from "./decode/table.ts";
import { print, printError, show } from "./terminal.ts";

/** Bytes that are read at once. */
const CHUNK = 1 << 18;

/** `spdy decode FILE...` */
export const decode: Command = {
  name: "decode",
  summary: "a capture as a table of frames",
  help: `Usage: spdy decode [--json] FILE...

Reads captured SPDY and prints its frames, headers inflated in both directions.
Errors are marked at their offset, and end with exit code 1.

FILE  raw bytes, hex digits, pcap (tcpdump -w) or pcapng (tshark -w); "-" is
      standard input. A raw or hex file holds one direction of a connection,
      from its first byte; give two files to see both.

  --json   one JSON object a line
  --help   this text

Permission: --allow-read for the files.`,
  async run(args: string[]): Promise<number> {
    const { flags, positionals: names } = readArguments(args, {
      flags: ["json"],
    });
    if (names.length === 0) throw new UsageError("decode needs a file");
    const table = new RecordTable();
    let frames = 0;
    let faults = 0;
    const onRecord = (record: CaptureRecord): void => {
      if (record.kind === "warning") {
        faults++;
        printError(show`spdy decode: ${record.text}`);
        return;
      }
      if (record.kind === "frame") frames++;
      if (
        record.kind === "frame" && record.error !== undefined ||
        record.kind === "note" && record.isError
      ) faults++;
      if (flags.json) {
        const line = recordJson(record);
        if (line !== undefined) print(line);
      } else for (const line of table.lines(record)) print(line);
    };
    const reader = new CaptureReader({ onRecord });
    for (const name of names) {
      reader.begin(name);
      for await (const chunk of chunksOf(name)) await reader.push(chunk);
      await reader.endFile();
    }
    await reader.end();
    if (frames === 0) {
      throw new Error(`${names.join(", ")}: no SPDY frames found`);
    }
    return faults > 0 ? EXIT_FAILURE : EXIT_OK;
  },
};

/** The file piece by piece; the memory of a piece is used again for the next. */
async function* chunksOf(name: string): AsyncGenerator<Uint8Array> {
  if (name === "-") {
    yield* Deno.stdin.readable;
    return;
  }
  using file = await Deno.open(name);
  const buffer = new Uint8Array(CHUNK);
  for (;;) {
    const length = await file.read(buffer);
    if (length === null) return;
    yield buffer.subarray(0, length);
  }
}
