/**
 * A captured packet, for any file format.
 *
 * @module
 */

/** A packet of a file. */
export interface Packet {
  /** Time of capture, ms since 1970; 0 if the file has none. */
  readonly time: number;
  /** The type of the first head: a `LINKTYPE_*` number of the pcap registry. */
  readonly linkType: number;
  /** The captured bytes: a view that is valid until the next piece of the file is read. */
  readonly data: Uint8Array;
  /** Whether the packet had more bytes, which were not captured. */
  readonly isCut: boolean;
}

/** A reader of one file format: takes pieces of the file, and returns packets. */
export interface PacketReader {
  /** The packets that these bytes complete. */
  read(bytes: Uint8Array): Iterable<Packet>;
  /** What is wrong with the end of the file; `undefined` if it ends after a packet. */
  end(): string | undefined;
  /** The TLS secrets in the file since the last call, in the format of SSLKEYLOGFILE. */
  takeSecrets(): string | undefined;
}

/**
 * The file is damaged or has an unsupported format. Records that were reported
 * before are correct.
 */
export class CaptureError extends Error {
  /**
   * Creates the error; `offset` is the place of the damage in the (decompressed)
   * file, if there is one.
   */
  constructor(message: string, offset?: number) {
    super(offset === undefined ? message : `${message} at offset ${offset}`);
    this.name = "CaptureError";
  }
}
