/**
 * `spdy decode`: a capture as a table of frames.
 *
 * @module
 */

import { readArguments } from "./arguments.ts";
import { decodeCaptures, type DecodedFrame } from "./capture/decode.ts";
import { type Command, EXIT_FAILURE, EXIT_OK, UsageError } from "./command.ts";
import { frameText } from "./frame_text.ts";
import {
  bold,
  cyan,
  dim,
  print,
  red,
  show,
  showJson,
  type Shown,
} from "./terminal.ts";

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
    const files = [];
    for (const name of names) files.push({ name, bytes: await readFile(name) });
    const frames = decodeCaptures(files);
    if (frames.length === 0) {
      throw new Error(`${names.join(", ")}: no SPDY frames found`);
    }
    if (flags.json) {
      for (const frame of frames) print(decodedFrameJson(frame));
    } else for (const line of decodedFrameTable(frames)) print(line);
    return frames.some(({ error }) => error !== undefined)
      ? EXIT_FAILURE
      : EXIT_OK;
  },
};

async function readFile(name: string): Promise<Uint8Array> {
  if (name === "-") {
    return new Uint8Array(
      await new Response(Deno.stdin.readable).arrayBuffer(),
    );
  }
  return await Deno.readFile(name);
}

/** The frame as one line of JSON. */
export function decodedFrameJson(decoded: DecodedFrame): Shown {
  const { from, to, offset, time, frame, note, error } = decoded;
  const words = frame && frameText(frame);
  return showJson({
    from,
    to: to || undefined,
    offset,
    time: time || undefined,
    type: words?.type ?? note,
    flagNames: words?.flags,
    ...frame,
    error,
  });
}

/** The frames as a table for people, line by line. */
export function* decodedFrameTable(
  frames: readonly DecodedFrame[],
): Generator<Shown> {
  const begin = frames.find(({ time }) => time > 0)?.time ?? 0;
  const peers = [...new Set(frames.map(({ from }) => from))];
  const marks = new Map(
    peers.map((peer, index) => [peer, String.fromCharCode(65 + index % 26)]),
  );
  for (const peer of peers) {
    const to = frames.find(({ from }) => from === peer)?.to;
    yield show`${bold(marks.get(peer) ?? "")}  ${peer}${to ? ` -> ${to}` : ""}`;
  }
  yield show``;
  yield dim(
    row("", "offset", "ms", "frame", "stream", "length", "flags and fields"),
  );
  for (const { from, offset, time, frame, note, error } of frames) {
    const words = frame && frameText(frame);
    const fields = [words?.flags.join(" "), words?.detail].filter(Boolean).join(
      "  ",
    );
    const line = row(
      marks.get(from) ?? "",
      String(offset),
      begin ? (time - begin).toFixed(1) : "",
      words?.type ?? note ?? "",
      words?.streamId === undefined ? "" : String(words.streamId),
      words ? String(words.length) : "",
      fields,
    );
    yield error ? red(`${line}  ! ${error}`) : show`${line}`;
    for (const [name, value] of words?.headers ?? []) {
      yield show`${" ".repeat(25)}${cyan(name)} ${value}`;
    }
  }
}

function row(
  mark: string,
  offset: string,
  time: string,
  type: string,
  stream: string,
  length: string,
  fields: string,
): string {
  return [
    mark.padEnd(1),
    offset.padStart(9),
    time.padStart(9),
    ` ${type.padEnd(13)}`,
    stream.padStart(6),
    length
      .padStart(8),
    ` ${fields}`,
  ].join(" ").trimEnd();
}
