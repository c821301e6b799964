/**
 * Reads captures: pieces of a file in, records out.
 *
 * @module
 */

import { ZlibError } from "../errors.ts";
import { Connections } from "./connections.ts";
import { Conversation, type ConversationContext } from "./conversation.ts";
import { Dissector } from "./dissector.ts";
import { Gunzip, isGzip } from "./gunzip.ts";
import { HexLayer } from "./hex.ts";
import { join, type Layer } from "./layer.ts";
import { CaptureError, type PacketReader } from "./packet.ts";
import { isPcap, PcapReader } from "./pcap.ts";
import { isPcapng, PcapngReader } from "./pcapng.ts";
import type { CaptureSink } from "./records.ts";
import { KeyLog } from "./key_log.ts";
import { createTlsLayers } from "./tls.ts";

/** Bytes that are looked at to recognise a file. */
const MAGIC = 16;
const NOTHING = new Uint8Array(0);
const LATIN1 = new TextDecoder("latin1");

/** Formats that are recognised to say what to do. */
const OTHER_FORMATS: readonly (readonly [
  begin: readonly number[],
  advice: string,
])[] = [
  [[0x28, 0xb5, 0x2f, 0xfd], "zstd: unpack it with zstd -d"],
  [[0x04, 0x22, 0x4d, 0x18], "lz4: unpack it with lz4 -d"],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], "xz: unpack it with xz -d"],
  [[0x42, 0x5a, 0x68], "bzip2: unpack it with bzip2 -d"],
  [[0x50, 0x4b, 0x03, 0x04], "a zip archive: unpack it"],
  [
    [0x73, 0x6e, 0x6f, 0x6f, 0x70, 0],
    "snoop: convert it with editcap -F pcap",
  ],
  [
    [0x47, 0x4d, 0x42, 0x55],
    "Network Monitor: convert it with editcap -F pcap",
  ],
  [[0x54, 0x52, 0x53, 0x4e], "Sniffer: convert it with editcap -F pcap"],
];

/** What a reader of captures takes besides the file. */
export interface CaptureOptions {
  /** TLS secrets; those that a pcapng file contains are added to it. */
  readonly keyLog?: KeyLog;
}

/** A file under way. */
interface FileState {
  readonly name: string;
  /** First bytes, until they tell whether the file is packed. */
  head: Uint8Array | undefined;
  gunzip: Gunzip | undefined;
  /** First bytes of the contents, until they tell the format. */
  magic: Uint8Array | undefined;
  packets: PacketReader | undefined;
  raw: Conversation | undefined;
  rawLayer: Layer | undefined;
  /** Whether the rest is not read, because it is damaged. */
  isOver: boolean;
}

/**
 * Reads captures: pcap, pcapng, raw bytes or hex digits, each also packed with
 * gzip. Memory is bounded by the connections that are open, not by the file.
 *
 * Several files are read one after the other, as if they were one: a connection
 * may continue from one to the next.
 */
export class CaptureReader {
  readonly #sink: CaptureSink;
  readonly #keyLog: KeyLog;
  readonly #context: ConversationContext;
  readonly #connections: Connections;
  readonly #dissector = new Dissector();
  /** Work that cannot be done at once: decryption. It is done before the next packet is read. */
  readonly #tasks: (() => Promise<void>)[] = [];
  readonly #others = new Map<string, number>();
  #packets = 0;
  #file: FileState | undefined;

  /** Creates a reader whose records go to `sink`. */
  constructor(sink: CaptureSink, options: CaptureOptions = {}) {
    const keyLog = options.keyLog ?? new KeyLog();
    const tasks = this.#tasks;
    const others = this.#others;
    this.#sink = sink;
    this.#keyLog = keyLog;
    this.#context = {
      sink,
      packet: 0,
      time: 0,
      createTls: (host) =>
        createTlsLayers(host, keyLog, (task) => tasks.push(task)),
      inOrder(action: () => void): void {
        if (tasks.length === 0) action();
        else {
          tasks.push(() => {
            action();
            return Promise.resolve();
          });
        }
      },
      onOther(what: string): void {
        others.set(what, (others.get(what) ?? 0) + 1);
      },
    };
    this.#connections = new Connections(this.#context);
  }

  /** Connections without SPDY that have ended: what they speak, and how many. */
  get others(): ReadonlyMap<string, number> {
    return this.#others;
  }

  /** Begins a file. Its name is in warnings, and is the sender of raw bytes. */
  begin(name: string): void {
    this.#file = {
      name,
      head: NOTHING,
      gunzip: undefined,
      magic: NOTHING,
      packets: undefined,
      raw: undefined,
      rawLayer: undefined,
      isOver: false,
    };
  }

  /**
   * Reads the next piece of the file. When the promise resolves, its records were
   * reported, and its memory may be used again.
   *
   * Rejects with `CaptureError` when the file has a format that is not read.
   */
  async push(bytes: Uint8Array): Promise<void> {
    const file = this.#file;
    if (file === undefined || bytes.length === 0) return;
    if (file.head !== undefined) {
      bytes = join(file.head, bytes);
      if (bytes.length < 3) {
        file.head = bytes.slice();
        return;
      }
      file.head = undefined;
      if (isGzip(bytes)) file.gunzip = new Gunzip();
    }
    await this.#unpack(file, bytes);
  }

  /** The file has ended. Rejects as `push` does. */
  async endFile(): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    if (file.head !== undefined && file.head.length > 0) {
      await this.#unpack(file, file.head);
    }
    const { magic } = file;
    if (magic !== undefined) {
      if (magic.length > 0) await this.#open(file, magic);
      else if (file.gunzip === undefined) this.#warn(file, "the file is empty");
    }
    if (file.raw !== undefined) {
      file.raw.finish("capture ended");
      await this.#work();
    }
    if (file.isOver) return;
    if (file.gunzip?.isCutOff) {
      this.#warn(file, "the gzip file is cut off; all before that was read");
    }
    const fault = file.packets?.end();
    if (fault !== undefined) {
      this.#warn(file, `${fault}; all before that was read`);
    }
  }

  /** There are no more files: connections that are open end. */
  async end(): Promise<void> {
    this.#connections.end();
    await this.#work();
    for (const [linkType, count] of this.#dissector.unread) {
      this.#sink.onRecord({
        kind: "warning",
        text:
          `packets that were not read, because link type ${linkType} is not known: ${count}`,
      });
    }
    this.#dissector.unread.clear();
  }

  async #unpack(file: FileState, bytes: Uint8Array): Promise<void> {
    if (file.isOver) return;
    if (file.gunzip === undefined) {
      await this.#contents(file, bytes);
      return;
    }
    try {
      for (const piece of file.gunzip.read(bytes)) {
        await this.#contents(file, piece);
      }
    } catch (error) {
      if (!(error instanceof ZlibError)) throw error;
      file.isOver = true;
      this.#warn(
        file,
        `the gzip file is damaged (${error.message}); all before that was read`,
      );
    }
  }

  async #contents(file: FileState, bytes: Uint8Array): Promise<void> {
    if (file.magic === undefined) await this.#read(file, bytes);
    else {
      const magic = join(file.magic, bytes);
      if (magic.length < MAGIC) file.magic = magic.slice();
      else await this.#open(file, magic);
    }
  }

  /** Recognises the format by the first bytes, and reads them. */
  async #open(file: FileState, magic: Uint8Array): Promise<void> {
    file.magic = undefined;
    const other = OTHER_FORMATS.find(([begin]) =>
      begin.every((byte, index) => magic[index] === byte)
    );
    if (other !== undefined) {
      throw new CaptureError(`${file.name} is ${other[1]}`);
    }
    if (magic.length >= 4 && isPcap(magic)) file.packets = new PcapReader();
    else if (isPcapng(magic)) file.packets = new PcapngReader();
    else {
      this.#context.packet = this.#context.time = 0;
      file.raw = new Conversation(
        this.#context,
        this.#connections.takeNumber(),
        [file.name, ""],
        undefined,
        true,
      );
      // Only the first bytes: how many more the first piece has is chance. No SPDY
      // frame begins with four hex digits.
      const begin = LATIN1.decode(magic.subarray(0, 4));
      const isHex = /^[\s0-9a-fA-F]*$/.test(begin);
      const layer = file.raw.layer(0);
      file.rawLayer = isHex ? new HexLayer(layer) : layer;
    }
    await this.#read(file, magic);
  }

  async #read(file: FileState, bytes: Uint8Array): Promise<void> {
    if (file.isOver) return;
    const context = this.#context;
    try {
      if (file.rawLayer !== undefined) {
        file.rawLayer.push(bytes);
        await this.#work();
        return;
      }
      const reader = file.packets!;
      for (const packet of reader.read(bytes)) {
        const secrets = reader.takeSecrets();
        if (secrets !== undefined) this.#keyLog.add(secrets);
        context.packet = ++this.#packets;
        context.time = packet.time;
        const segment = this.#dissector.segment(packet);
        if (segment === undefined) continue;
        this.#connections.add(segment);
        if (this.#tasks.length > 0) await this.#work();
      }
    } catch (error) {
      if (!(error instanceof CaptureError)) throw error;
      file.isOver = true;
      this.#warn(file, `${error.message}; the rest was not read`);
    }
  }

  async #work(): Promise<void> {
    // A task stays in the list while it runs: what is added waits for it.
    for (; this.#tasks.length > 0; this.#tasks.shift()) await this.#tasks[0]();
  }

  #warn({ name }: FileState, text: string): void {
    this.#sink.onRecord({ kind: "warning", text: `${name}: ${text}` });
  }
}
