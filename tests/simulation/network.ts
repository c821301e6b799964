/**
 * A network in memory: two pipes with a size and a speed. The seed decides their
 * segments, delays and faults.
 *
 * @module
 */

import type { ByteStreams } from "../../connection/transport/transport.ts";
import type { World } from "./world.ts";

/** How many bytes one read or write moves. */
export type Segments =
  | "all"
  | "byte"
  | "tiny"
  | "packets"
  | "large"
  | "mixed";

/** The properties of a pipe. */
export interface LinkOptions {
  readonly reads: Segments;
  readonly writes: Segments;
  /** Bytes that it can contain. */
  readonly capacity: number;
  /** Longest delay of a segment, ms. */
  readonly latency: number;
  /** Bytes per ms that can be read; infinite for no limit. */
  readonly rate: number;
  /** Closing while bytes are unread resets the connection, as in kernels. */
  readonly resetsUnread: boolean;
}

/** Payload of a TCP segment in a full Ethernet frame, bytes. */
const PACKET = 1448;

function segment(world: World, kind: Segments, most: number): number {
  const { random } = world;
  switch (kind) {
    case "all":
      return most;
    case "byte":
      return 1;
    case "tiny":
      return Math.min(most, random.int(1, 40));
    case "packets":
      return Math.min(most, PACKET);
    case "large":
      return Math.min(most, random.int(1000, 70_000));
    case "mixed":
      if (random.chance(0.3)) return most;
      return random.chance(0.2)
        ? Math.min(most, random.int(1, 20))
        : random.int(1, most);
  }
}

interface Waiting<T> {
  readonly bytes: Uint8Array;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

/** One direction. */
export class Pipe {
  readonly name: string;
  readonly options: LinkOptions;
  /** The other direction of the same connection. */
  back!: Pipe;
  /** Called with the bytes that are written. */
  onWritten: (bytes: Uint8Array) => void = () => {};
  /** Called with the bytes that are read. */
  onRead: (bytes: Uint8Array) => void = () => {};

  readonly #world: World;
  #chunks: Uint8Array[] = [];
  #size = 0;
  #ended = false;
  #error: Error | undefined;
  #readerGone = false;
  /** Whether bytes that are written from now on are lost. */
  #swallows = false;
  #stalledUntil = 0;
  #reading: Waiting<number | null> | undefined;
  #writing: Waiting<number> | undefined;
  #readDue = false;
  #writeDue = false;

  constructor(world: World, name: string, options: LinkOptions) {
    this.#world = world;
    this.name = name;
    this.options = options;
  }

  /** Bytes under way. */
  get size(): number {
    return this.#size;
  }

  /** Whether a write waits until it is taken. */
  get writerWaits(): boolean {
    return this.#writing !== undefined;
  }

  read(bytes: Uint8Array): Promise<number | null> {
    return new Promise((resolve, reject) => {
      this.#reading = { bytes, resolve, reject };
      this.#poke();
    });
  }

  get readPending(): boolean {
    return this.#reading !== undefined;
  }

  write(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#writing = { bytes, resolve, reject };
      this.#poke();
    });
  }

  /** The writer's end. */
  end(): void {
    this.#ended = true;
    this.#poke();
  }

  /** From now on, both ends fail. Bytes under way are lost. */
  reset(why: string): void {
    if (this.#error !== undefined) return;
    this.#error = new Error(why);
    this.#drop();
    this.#poke();
  }

  /** No byte moves for this time, ms. */
  stall(milliseconds: number): void {
    this.#stalledUntil = this.#world.now + milliseconds;
  }

  /** The reader sees the end. What the writer still writes is lost, or the write fails. */
  cut(swallows: boolean, losesBytes: boolean): void {
    this.#ended = true;
    this.#swallows = swallows;
    this.#readerGone = !swallows;
    if (losesBytes) this.#drop();
    this.#poke();
  }

  /** The reader has closed its end. */
  leaveReader(error: Error): void {
    const reading = this.#reading;
    this.#reading = undefined;
    if (reading) this.#world.soon(() => reading.reject(error));
    this.#readerGone = true;
    this.#poke();
  }

  /** The writer has closed its end; its last write fails. */
  leaveWriter(error: Error): void {
    const writing = this.#writing;
    this.#writing = undefined;
    if (writing) this.#world.soon(() => writing.reject(error));
  }

  #drop(): void {
    this.#chunks = [];
    this.#size = 0;
  }

  #poke(): void {
    if (
      this.#reading && !this.#readDue &&
      (this.#size > 0 || this.#ended || this.#error)
    ) {
      this.#readDue = true;
      this.#later(() => this.#read());
    }
    if (
      this.#writing && !this.#writeDue &&
      (this.#size < this.options.capacity || this.#error || this.#readerGone ||
        this.#swallows)
    ) {
      this.#writeDue = true;
      this.#later(() => this.#write());
    }
  }

  #later(action: () => void): void {
    const { latency } = this.options;
    const stall = this.#stalledUntil - this.#world.now;
    if (stall > 0) this.#world.after(stall, action);
    else if (latency > 0 && this.#world.random.chance(0.5)) {
      this.#world.after(this.#world.random.float() * latency, action);
    } else this.#world.soon(action);
  }

  #read(): void {
    this.#readDue = false;
    const reading = this.#reading;
    if (reading === undefined) return;
    if (this.#error !== undefined) {
      this.#reading = undefined;
      reading.reject(this.#error);
    } else if (this.#size > 0) {
      const most = Math.min(this.#size, reading.bytes.length);
      const size = segment(this.#world, this.options.reads, most);
      this.#reading = undefined;
      this.#take(reading.bytes.subarray(0, size));
      const { rate } = this.options;
      const done = (): void => {
        this.onRead(reading.bytes.subarray(0, size));
        reading.resolve(size);
        this.#poke();
      };
      if (rate === Infinity) done();
      else this.#world.after(size / rate, done);
    } else if (this.#ended) {
      this.#reading = undefined;
      reading.resolve(null);
    }
  }

  #take(target: Uint8Array): void {
    let offset = 0;
    while (offset < target.length) {
      const chunk = this.#chunks[0];
      const size = Math.min(chunk.length, target.length - offset);
      target.set(chunk.subarray(0, size), offset);
      offset += size;
      if (size === chunk.length) this.#chunks.shift();
      else this.#chunks[0] = chunk.subarray(size);
    }
    this.#size -= target.length;
  }

  #write(): void {
    this.#writeDue = false;
    const writing = this.#writing;
    if (writing === undefined) return;
    if (this.#error !== undefined) {
      this.#writing = undefined;
      writing.reject(this.#error);
    } else if (this.#readerGone) {
      this.#writing = undefined;
      // The first write after the reader has closed succeeds, and is answered
      // with a reset.
      if (this.#world.random.chance(0.5)) {
        writing.resolve(writing.bytes.length);
        this.reset("ECONNRESET");
        this.back.reset("ECONNRESET");
      } else writing.reject(new Error("EPIPE"));
    } else if (this.#swallows) {
      this.#writing = undefined;
      writing.resolve(writing.bytes.length);
    } else {
      const room = this.options.capacity - this.#size;
      if (room <= 0) return this.#poke();
      const most = Math.min(writing.bytes.length, room);
      const size = segment(this.#world, this.options.writes, most);
      const chunk = writing.bytes.slice(0, size);
      this.#chunks.push(chunk);
      this.#size += size;
      this.#writing = undefined;
      this.onWritten(chunk);
      writing.resolve(size);
      this.#poke();
    }
  }
}

/** One end of a connection, with the methods of a `Deno.Conn`. */
export class SimulatedConn {
  readonly name: string;
  readonly #world: World;
  readonly #input: Pipe;
  readonly #output: Pipe;
  #closed = false;
  #writeEnded = false;

  constructor(world: World, name: string, input: Pipe, output: Pipe) {
    this.#world = world;
    this.name = name;
    this.#input = input;
    this.#output = output;
  }

  get closed(): boolean {
    return this.#closed;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#closed) return Promise.reject(new Error("read: closed"));
    if (this.#input.readPending) this.#bad("two reads at once");
    if (buffer.length === 0) this.#bad("a read into nothing");
    // The content of the buffer is arbitrary when a read begins: nothing may
    // rely on it.
    buffer.fill(0xaa, 0, Math.min(buffer.length, 4096));
    return this.#input.read(buffer);
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.#closed) return Promise.reject(new Error("write: closed"));
    if (this.#writeEnded) this.#bad("a write after closeWrite");
    if (this.#output.writerWaits) this.#bad("two writes at once");
    if (bytes.length === 0) this.#bad("a write of nothing");
    return this.#output.write(bytes);
  }

  closeWrite(): Promise<void> {
    if (this.#closed) return Promise.reject(new Error("closeWrite: closed"));
    if (this.#writeEnded) this.#bad("closeWrite twice");
    this.#writeEnded = true;
    return new Promise((resolve) =>
      this.#world.soon(() => {
        this.#output.end();
        resolve();
      })
    );
  }

  close(): void {
    if (this.#closed) this.#bad("closed twice");
    this.#closed = true;
    const error = new Error("interrupted: closed by this side");
    this.#output.leaveWriter(error);
    const unread = this.#input.size;
    this.#input.leaveReader(error);
    if (unread > 0 && this.#input.options.resetsUnread && !this.#writeEnded) {
      this.#world.soon(() => this.#output.reset("ECONNRESET"));
    } else this.#output.end();
  }

  #bad(what: string): void {
    this.#world.bad(`${this.name}: ${what}`);
  }
}

/** The same end as a pair of web streams. */
export function asStreams(world: World, conn: SimulatedConn): ByteStreams {
  const { random } = world;
  let halves = 0;
  const over = (): void => {
    if (++halves === 2 && !conn.closed) conn.close();
  };
  const close = (): void => {
    halves = 2;
    if (!conn.closed) conn.close();
  };
  return {
    readable: new ReadableStream<Uint8Array>({
      async pull(controller) {
        const buffer = new Uint8Array(random.pick([100, 16_384, 65_536]));
        const size = await conn.read(buffer);
        if (size === null) {
          controller.close();
          over();
        } else controller.enqueue(buffer.subarray(0, size));
      },
      cancel: close,
    }, { highWaterMark: random.pick([0, 1, 4]) }),
    writable: new WritableStream<Uint8Array>({
      async write(chunk) {
        while (chunk.length > 0) {
          chunk = chunk.subarray(await conn.write(chunk));
        }
      },
      async close() {
        await conn.closeWrite();
        over();
      },
      abort: close,
    }, { highWaterMark: random.pick([1, 1, 3]) }),
  };
}

/** Both ends of a connection. */
export interface Link {
  readonly client: SimulatedConn;
  readonly server: SimulatedConn;
  /** From the client to the server. */
  readonly up: Pipe;
  readonly down: Pipe;
}

/** Creates both ends. */
export function link(
  world: World,
  options: { up: LinkOptions; down: LinkOptions },
): Link {
  const up = new Pipe(world, "up", options.up);
  const down = new Pipe(world, "down", options.down);
  up.back = down;
  down.back = up;
  return {
    client: new SimulatedConn(world, "the client's transport", down, up),
    server: new SimulatedConn(world, "the server's transport", up, down),
    up,
    down,
  };
}
