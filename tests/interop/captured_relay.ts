/**
 * A TCP relay that records the bytes it passes on: a capture that needs no
 * permission to listen on an interface.
 *
 * @module
 */

import { ipv4Packet, pcapFile, type SegmentSpec } from "../capture/packets.ts";
import { concat } from "../deps.ts";

/** An IPv4 packet holds fewer than 64 KiB. */
const MAX_SEGMENT = 32 * 1024;
/** Link type of packets that begin with their IP head. */
const RAW_IP = 101;
/** Port of the first client in the capture. */
const FIRST_PORT = 50000;

interface Segment {
  readonly time: number;
  /** Port of the client in the capture. */
  readonly clientPort: number;
  readonly fromClient: boolean;
  readonly bytes: Uint8Array;
  readonly isFin: boolean;
}

/** Number of bytes at the beginning of each direction that a capture leaves out. */
export interface Skipped {
  readonly client: number;
  readonly server: number;
}

/** A relay in front of a port. */
export class CapturedRelay implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #target: number;
  readonly #segments: Segment[] = [];
  readonly #relaying: Promise<unknown>[] = [];
  readonly #begin = performance.now();
  readonly #clock = Date.now();

  /** Relays connections to a port of the loopback interface. */
  constructor(target: number) {
    this.#target = target;
    this.#relaying.push(this.#accept());
  }

  /** The port that it listens on. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /** Stops listening, and waits for the end of the connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    // A connection may begin while those before it end.
    for (let at = 0; at < this.#relaying.length; at++) await this.#relaying[at];
  }

  /** The recorded bytes as a pcap file. If bytes are left out, there are no handshakes. */
  toPcap(skipped?: Skipped): Uint8Array {
    const specs: { readonly time: number; readonly spec: SegmentSpec }[] = [];
    const next = new Map<string, number>();
    const passed = new Map<string, number>();
    for (const segment of this.#segments) {
      const { time, clientPort, fromClient, bytes, isFin } = segment;
      const ports = fromClient
        ? { fromPort: clientPort, toPort: this.port }
        : { fromPort: this.port, toPort: clientPort };
      const back = `${ports.toPort} ${ports.fromPort}`;
      const key = `${ports.fromPort} ${ports.toPort}`;
      if (!next.has(key)) {
        const isFirst = !next.has(back);
        next.set(key, 1).set(back, 1);
        if (skipped === undefined && isFirst) {
          const other = { fromPort: ports.toPort, toPort: ports.fromPort };
          const [client, server] = fromClient ? [ports, other] : [other, ports];
          specs.push(
            { time, spec: { ...client, sequence: 0, syn: true } },
            {
              time,
              spec: { ...server, sequence: 0, syn: true, acknowledged: 1 },
            },
          );
        }
      }
      const left = skipped?.[fromClient ? "client" : "server"] ?? 0;
      const had = passed.get(key) ?? 0;
      passed.set(key, had + bytes.length);
      const rest = bytes.subarray(Math.max(0, left - had));
      for (let at = 0; at < rest.length; at += MAX_SEGMENT) {
        const part = rest.subarray(at, at + MAX_SEGMENT);
        const sequence = next.get(key)!;
        const acknowledged = next.get(back);
        specs.push({
          time,
          spec: { ...ports, sequence, acknowledged, bytes: part },
        });
        next.set(key, sequence + part.length);
      }
      if (isFin && skipped === undefined) {
        const sequence = next.get(key)!;
        const acknowledged = next.get(back);
        specs.push({
          time,
          spec: { ...ports, sequence, acknowledged, fin: true },
        });
      }
    }
    return pcapFile({
      linkType: RAW_IP,
      packets: specs.map(({ spec }) => ipv4Packet(spec)),
      // The times in a file begin at second 1.
      times: specs.map(({ time }) => this.#clock - 1000 + time),
    });
  }

  /** All that one side sent, as text. */
  text(fromClient: boolean): string {
    const parts = this.#segments.filter((each) =>
      each.fromClient === fromClient
    );
    return new TextDecoder("latin1").decode(
      concat(parts.map(({ bytes }) => bytes)),
    );
  }

  async #accept(): Promise<void> {
    let port = FIRST_PORT;
    try {
      for await (const client of this.#listener) {
        this.#relaying.push(this.#relay(client, port++));
      }
    } catch {
      // It is closed.
    }
  }

  async #relay(client: Deno.TcpConn, clientPort: number): Promise<void> {
    const server = await Deno.connect({
      hostname: "127.0.0.1",
      port: this.#target,
    });
    await Promise.all([
      this.#pass(client, server, clientPort, true),
      this.#pass(server, client, clientPort, false),
    ]);
    client.close();
    server.close();
  }

  async #pass(
    from: Deno.TcpConn,
    to: Deno.TcpConn,
    clientPort: number,
    fromClient: boolean,
  ): Promise<void> {
    const keep = (bytes: Uint8Array, isFin: boolean): void => {
      const time = performance.now() - this.#begin;
      this.#segments.push({ time, clientPort, fromClient, bytes, isFin });
    };
    try {
      for await (const chunk of readAll(from)) {
        keep(chunk, false);
        for (let rest = chunk; rest.length > 0;) {
          rest = rest.subarray(await to.write(rest));
        }
      }
      keep(new Uint8Array(), true);
      await to.closeWrite();
    } catch {
      // One side has closed.
    }
  }
}

async function* readAll(conn: Deno.Conn): AsyncGenerator<Uint8Array> {
  for (;;) {
    const buffer = new Uint8Array(MAX_SEGMENT);
    const size = await conn.read(buffer);
    if (size === null) return;
    yield buffer.subarray(0, size);
  }
}
