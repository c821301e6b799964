/**
 * One captured packet, whatever the format of the file.
 *
 * @module
 */

/** A packet as the file has it. */
export interface Packet {
  /** Time of capture, ms since 1970; 0 when the file does not say. */
  readonly time: number;
  /** What the bytes begin with: a `LINKTYPE_*` number of the pcap registry. */
  readonly linkType: number;
  /** The bytes that were kept: a view that is valid until the next piece of the file is read. */
  readonly data: Uint8Array;
}

/** A reader of one format: takes pieces of the file, gives packets. */
export interface PacketReader {
  /** The packets that are complete with these bytes. */
  read(bytes: Uint8Array): Iterable<Packet>;
  /** What is wrong with the end of the file; `undefined` when it ends with a packet. */
  end(): string | undefined;
  /** TLS secrets in the format of SSLKEYLOGFILE that the file has, since the last call. */
  takeSecrets(): string | undefined;
}

/** The file is damaged, or has a format that is not read; what was read before stays right. */
export class CaptureError extends Error {
  /** Makes the error; `offset` is that of the damage in the (unpacked) file, if there is one. */
  constructor(message: string, offset?: number) {
    super(offset === undefined ? message : `${message} at offset ${offset}`);
    this.name = "CaptureError";
  }
}
