/**
 * The frames that tshark and this project find in the same capture, in the same
 * form, with one line for each frame.
 *
 * @module
 */

import { CaptureReader, type FrameRecord, KeyLog } from "../../capture/mod.ts";

/** The frames of both. */
export interface BothFrames {
  readonly tshark: string[];
  readonly ours: string[];
}

/** How tshark reads a capture. */
export interface TsharkOptions {
  /** Ports with SPDY. */
  readonly ports?: readonly number[];
  /** Ports with SPDY inside TLS. */
  readonly tlsPorts?: readonly number[];
  /** Name of a file with TLS secrets. */
  readonly keyLog?: string;
  /** Whether headers are compared. */
  readonly headers?: boolean;
}

/** Reads the capture in `file` with both. */
export async function bothFrames(
  file: string,
  options: TsharkOptions = {},
): Promise<BothFrames> {
  const headers = options.headers ?? true;
  return {
    tshark: await tsharkFrames(file, options, headers),
    ours: await ourFrames(file, options.keyLog, headers),
  };
}

async function ourFrames(
  file: string,
  keyLog: string | undefined,
  headers: boolean,
): Promise<string[]> {
  const frames: FrameRecord[] = [];
  const reader = new CaptureReader({
    onRecord(record) {
      // tshark prints no line for a frame that is cut off.
      if (record.kind === "frame" && !/cut short/.test(record.error ?? "")) {
        frames.push(record);
      }
    },
  }, {
    keyLog: keyLog === undefined
      ? undefined
      : new KeyLog(await Deno.readTextFile(keyLog)),
  });
  reader.begin(file);
  await reader.push(await Deno.readFile(file));
  await reader.endFile();
  await reader.end();
  return frames.map((record) => {
    const { frame } = record;
    const pairs = headers && frame !== undefined && "nv" in frame
      ? frame.nv.map(([name, value]) => `${name}: ${value}`)
      : [];
    return line(
      record.packet,
      record.connection,
      record.type,
      record.flags,
      record.length,
      // WINDOW_UPDATE applies to a stream or to the session.
      record.streamId,
      pairs,
    );
  });
}

async function tsharkFrames(
  file: string,
  { ports = [], tlsPorts = [], keyLog }: TsharkOptions,
  headers: boolean,
): Promise<string[]> {
  const { success, stdout, stderr } = await new Deno.Command("tshark", {
    args: [
      "-r",
      file,
      ...ports.flatMap((port) => ["-d", `tcp.port==${port},spdy`]),
      ...tlsPorts.flatMap((port) => ["-d", `tls.port==${port},spdy`]),
      ...keyLog === undefined ? [] : ["-o", `tls.keylog_file:${keyLog}`],
      "-Y",
      "spdy",
      "-T",
      "pdml",
    ],
  }).output();
  const text = new TextDecoder("latin1").decode(stdout);
  if (!success) {
    throw new Error(`tshark: ${new TextDecoder().decode(stderr)}`);
  }
  return text.split("<packet>").slice(1).flatMap((packet) => {
    const number = Number(fields(packet, "num")[0]);
    const connection = Number(fields(packet, "tcp.stream")[0]);
    return packet.split('<proto name="spdy"').slice(1).map((proto) => {
      const [frame] = proto.split("</proto>");
      return tsharkLine(frame, number, connection, headers);
    });
  });
}

function tsharkLine(
  frame: string,
  packet: number,
  connection: number,
  headers: boolean,
): string {
  const isData = fields(frame, "spdy.control_bit")[0] === "0";
  const type = isData
    ? "DATA"
    : /name="spdy.type" showname="Type: (\S+) /.exec(frame)?.[1] ?? "?";
  const names = fields(frame, "spdy.header.name");
  const values = fields(frame, "spdy.header.value");
  const streamId = fields(frame, "spdy.streamid")[0];
  return line(
    packet,
    connection,
    type,
    Number(fields(frame, "spdy.flags")[0]),
    Number(fields(frame, "spdy.length")[0]),
    streamId === undefined ? undefined : Number(streamId),
    headers ? names.map((name, index) => `${name}: ${values[index]}`) : [],
  );
}

/** The values of a field, in order. */
function fields(xml: string, name: string): string[] {
  const pattern = new RegExp(`<field name="${name}" [^>]*?show="([^"]*)"`, "g");
  return [...xml.matchAll(pattern)].map(([, value]) => unescapeXml(value));
}

function unescapeXml(text: string): string {
  return text.replace(
    /&(amp|lt|gt|quot|apos|#x([0-9a-f]+));/gi,
    (all, name) =>
      ({ amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" })[
        name as string
      ] ?? all,
  );
}

function line(
  packet: number,
  connection: number,
  type: string,
  flags: number,
  length: number,
  streamId: number | undefined,
  headers: string[],
): string {
  return [
    `packet ${packet} connection ${connection} ${type}`,
    streamId === undefined ? "" : ` stream ${streamId}`,
    ` flags ${flags} length ${length}`,
    ...headers.sort().map((header) => `\n  ${header}`),
  ].join("");
}
