/**
 * Reads captures that tests make, and makes frames for them.
 *
 * @module
 */

import {
  CaptureReader,
  type CaptureRecord,
  type FrameRecord,
  type KeyLog,
  type NoteRecord,
} from "../../capture/mod.ts";
import {
  DATA,
  FrameEncoder,
  PROTO_SPDY3_1,
  type ProtocolVersion,
  SYN_REPLY,
  SYN_STREAM,
} from "../../frame/mod.ts";
import { concat } from "../deps.ts";
import { ipv4Packet, pcapFile, type SegmentSpec } from "./packets.ts";

/** What a reader reported. */
export interface Reading {
  readonly records: CaptureRecord[];
  readonly frames: FrameRecord[];
  readonly notes: NoteRecord[];
  readonly warnings: string[];
  /** The payloads: `connection.stream`, `>` for the client's, and the bytes as text; `[n]` for n missing bytes. */
  readonly payloads: Map<string, string>;
  readonly others: ReadonlyMap<string, number>;
}

/** Reads files, each given as its pieces. */
export async function read(
  files: readonly (Uint8Array | readonly Uint8Array[])[],
  keyLog?: KeyLog,
): Promise<Reading> {
  const records: CaptureRecord[] = [];
  const payloads = new Map<string, string>();
  const reader = new CaptureReader({
    onRecord: (record) => records.push(record),
    onPayload({ connection, fromClient, streamId, bytes, missing }) {
      const key = `${connection}.${streamId}${fromClient ? ">" : "<"}`;
      const text = missing > 0
        ? `[${missing}]`
        : new TextDecoder("latin1").decode(bytes);
      payloads.set(key, (payloads.get(key) ?? "") + text);
    },
  }, { keyLog });
  for (const file of files) {
    reader.begin("file");
    for (const piece of file instanceof Uint8Array ? [file] : file) {
      // The memory of a piece is overwritten, so a reader that keeps it reads
      // garbage.
      const copy = piece.slice();
      await reader.push(copy);
      copy.fill(0xaa);
    }
    await reader.endFile();
  }
  await reader.end();
  return {
    records,
    frames: records.filter((record) => record.kind === "frame"),
    notes: records.filter((record) => record.kind === "note"),
    warnings: records.filter((record) => record.kind === "warning").map((
      { text },
    ) => text),
    payloads,
    others: reader.others,
  };
}

/** Frames as text: direction, type, stream, error. */
export function words({ frames }: Reading): string[] {
  return frames.map(({ fromClient, type, streamId, error }) =>
    [
      fromClient ? ">" : "<",
      type,
      ...(streamId === undefined ? [] : [streamId]),
      ...(error === undefined ? [] : [`! ${error}`]),
    ].join(" ")
  );
}

/** The two directions of a connection, as segments. */
export class Talk {
  readonly #version: ProtocolVersion;
  readonly client: FrameEncoder;
  readonly server: FrameEncoder;
  readonly segments: SegmentSpec[] = [];
  readonly #next = { client: 1001, server: 5001 };

  /** Whether it begins with a handshake. */
  constructor(
    { version = PROTO_SPDY3_1, handshake = true, clientPort = 50000 }: {
      readonly version?: ProtocolVersion;
      readonly handshake?: boolean;
      readonly clientPort?: number;
    } = {},
  ) {
    this.#version = version;
    this.client = new FrameEncoder(version);
    this.server = new FrameEncoder(version);
    this.#clientPort = clientPort;
    if (!handshake) return;
    this.segments.push(
      { ...this.#ports(true), sequence: 1000, syn: true },
      { ...this.#ports(false), sequence: 5000, syn: true, acknowledged: 1001 },
    );
  }

  readonly #clientPort: number;

  #ports(fromClient: boolean): { fromPort: number; toPort: number } {
    const port = this.#clientPort;
    return fromClient
      ? { fromPort: port, toPort: 6121 }
      : { fromPort: 6121, toPort: port };
  }

  /** One side sends bytes in a segment. */
  send(side: "client" | "server", bytes: Uint8Array): this {
    const sequence = this.#next[side];
    this.#next[side] += bytes.length;
    this.segments.push({
      ...this.#ports(side === "client"),
      sequence,
      acknowledged: this.#next[side === "client" ? "server" : "client"],
      bytes,
    });
    return this;
  }

  /** One side ends. */
  close(side: "client" | "server"): this {
    this.segments.push({
      ...this.#ports(side === "client"),
      sequence: this.#next[side],
      acknowledged: this.#next[side === "client" ? "server" : "client"],
      fin: true,
    });
    return this;
  }

  /** A request of the client. */
  request(streamId: number, path: string): Uint8Array {
    return this.client.encode({
      frameType: SYN_STREAM,
      version: this.#version === 2 ? 2 : 3,
      flags: 1,
      length: 0,
      streamId,
      assocStreamId: 0,
      pri: 0,
      slot: 0,
      nv: [
        [":host", "example.test"],
        [":method", "GET"],
        [":path", path],
        [":scheme", "http"],
        [":version", "HTTP/1.1"],
      ],
    });
  }

  /** The server's reply to it. */
  reply(streamId: number): Uint8Array {
    return this.server.encode({
      frameType: SYN_REPLY,
      version: this.#version === 2 ? 2 : 3,
      flags: 0,
      length: 0,
      streamId,
      nv: [[":status", "200"], [":version", "HTTP/1.1"]],
    });
  }

  /** DATA of any side. */
  data(streamId: number, text: string, flags = 0): Uint8Array {
    const data = new TextEncoder().encode(text);
    return this.client.encode({ frameType: DATA, streamId, flags, data });
  }

  /** The segments as a pcap file, in the order in which they were sent. */
  file(): Uint8Array {
    return pcapFile({
      linkType: 101,
      packets: this.segments.map(ipv4Packet),
    });
  }
}

/** A PING of SPDY/3. */
export function ping(id: number): Uint8Array {
  return concat([
    new Uint8Array([0x80, 3, 0, 6, 0, 0, 0, 4]),
    new Uint8Array([id >>> 24, id >>> 16, id >>> 8, id]),
  ]);
}

/** Text as bytes. */
export function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
