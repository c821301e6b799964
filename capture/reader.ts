/**
 * Reads captures: takes pieces of a file, and reports records.
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

/** Bytes that are used to recognise the format of a file. */
const MAGIC = 16;
const NOTHING = new Uint8Array(0);
const LATIN1 = new TextDecoder("latin1");

/** Formats that are recognised only for a helpful error message. */
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

/** Options of a reader of captures. */
export interface CaptureOptions {
  /** TLS secrets; those of a pcapng file are added to it. */
  readonly keyLog?: KeyLog;
}

/** A file that is being read. */
interface FileState {
  readonly name: string;
  /** First bytes, until they show whether the file is compressed. */
  head: Uint8Array | undefined;
  gunzip: Gunzip | undefined;
  /** First bytes of the content, until they show its format. */
  magic: Uint8Array | undefined;
  packets: PacketReader | undefined;
  raw: Conversation | undefined;
  rawLayer: Layer | undefined;
  /** Whether the rest is ignored because the file is damaged. */
  isOver: boolean;
}

/**
 * Reads captures: pcap, pcapng, raw bytes or hex digits, also if compressed with
 * gzip. Memory depends on the number of open connections, not on the size of the
 * file.
 *
 * Several files are read as if they were one: a connection can continue from one to
 * the next.
 */
export class CaptureReader {
  readonly #sink: CaptureSink;
  readonly #keyLog: KeyLog;
  readonly #context: ConversationContext;
  readonly #connections: Connections;
  readonly #dissector = new Dissector();
  /** Asynchronous work (decryption), which is done before the next packet is read. */
  readonly #tasks: (() => Promise<void>)[] = [];
  readonly #others = new Map<string, number>();
  #packets = 0;
  #cutPackets = 0;
  #file: FileState | undefined;

  /** Creates a reader that reports records to `sink`. */
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

  /** Connections without SPDY that have ended: their number for each protocol. */
  get others(): ReadonlyMap<string, number> {
    return this.#others;
  }

  /** Number of packets of which the capture has only the beginning. */
  get cutPackets(): number {
    return this.#cutPackets;
  }

  /** Begins a file. Its name appears in warnings, and as the sender of raw bytes. */
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
   * reported, and its memory can be reused.
   *
   * Rejects with `CaptureError` if the format of the file is not supported.
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

  /** Ends the file. Rejects as `push` does. */
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
      this.#warn(
        file,
        "the gzip file is truncated; everything before its end was read",
      );
    }
    if (file.rawLayer instanceof HexLayer && file.rawLayer.isCutOff) {
      this.#warn(
        file,
        "the last hex digit is half a byte; everything before it was read",
      );
    }
    const fault = file.packets?.end();
    if (fault !== undefined) {
      this.#warn(file, `${fault}; everything before it was read`);
    }
  }

  /** Ends all open connections after the last file. */
  async end(): Promise<void> {
    this.#connections.end();
    await this.#work();
    for (const [linkType, count] of this.#dissector.unread) {
      this.#sink.onRecord({
        kind: "warning",
        text:
          `${count} packets were not read, because their link type ${linkType} is not supported`,
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
        `the gzip file is damaged (${error.message}); everything before the damage was read`,
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

  /** Recognises the format from the first bytes, and reads them. */
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
      // Only the first bytes, because the length of the first piece is arbitrary. Frames
      // do not begin with four hex digits: a control frame begins with 0x80, and DATA
      // would have a stream id above 150,000,000.
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
        this.#addSecrets(reader);
        context.packet = ++this.#packets;
        context.time = packet.time;
        if (packet.isCut) this.#cutPackets++;
        const segment = this.#dissector.segment(packet);
        if (segment === undefined) continue;
        this.#connections.add(segment);
        if (this.#tasks.length > 0) await this.#work();
      }
      // Secrets after the last packet are needed for packets of the next file.
      this.#addSecrets(reader);
    } catch (error) {
      if (!(error instanceof CaptureError)) throw error;
      file.isOver = true;
      this.#warn(file, `${error.message}; the rest was not read`);
    }
  }

  #addSecrets(reader: PacketReader): void {
    const secrets = reader.takeSecrets();
    if (secrets !== undefined) this.#keyLog.add(secrets);
  }

  async #work(): Promise<void> {
    // A task stays in the list while it runs, so tasks that are added wait for it.
    for (; this.#tasks.length > 0; this.#tasks.shift()) await this.#tasks[0]();
  }

  #warn({ name }: FileState, text: string): void {
    this.#sink.onRecord({ kind: "warning", text: `${name}: ${text}` });
  }
}
