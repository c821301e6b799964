/**
 * Reads a tar archive as it arrives.
 *
 * @module
 */

import { CopyError } from "../error.ts";
import {
  BLOCK,
  decodeHeader,
  isZero,
  padded,
  readText,
  type TarHeader,
  TYPE,
} from "./header.ts";

/** Longest name and longest pax fields, bytes, because they are held in memory. */
const MAX_EXTENSION = 1024 * 1024;

/** A source of bytes. */
export interface ByteSource {
  /** The next bytes; `undefined` at the end. */
  read(): Promise<Uint8Array | undefined>;
}

/** Reads the entries of an archive in order. */
export class TarReader {
  readonly #source: ByteSource;
  #chunk: Uint8Array = new Uint8Array(0);
  /** Unread bytes of the current entry, with its padding. */
  #left = 0;
  #body = 0;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /**
   * The next entry; skips the unread rest of the previous one. `undefined` at the
   * end of the archive.
   *
   * Throws {@linkcode CopyError} if the input is not an archive or ends before the
   * end marker.
   */
  async next(): Promise<TarHeader | undefined> {
    let name: string | undefined;
    let link: string | undefined;
    let pax: Map<string, string> | undefined;
    for (;;) {
      await this.#skip();
      const block = await this.#take(BLOCK);
      if (isZero(block)) {
        // Rule: two zero blocks end an archive. Some writers leave out the second one.
        return undefined;
      }
      const header = decodeHeader(block);
      this.#body = header.size;
      this.#left = padded(header.size);
      switch (header.type) {
        case TYPE.longName:
          name = readText(await this.#extension(header));
          continue;
        case TYPE.longLink:
          link = readText(await this.#extension(header));
          continue;
        case TYPE.pax:
          pax = readPax(await this.#extension(header));
          continue;
        case TYPE.globalPax:
          // Global fields, such as git's comments, are ignored.
          continue;
      }
      const entry = {
        ...header,
        name: pax?.get("path") ?? name ?? header.name,
        link: pax?.get("linkpath") ?? link ?? header.link,
        mtime: numberIn(pax, "mtime") ?? header.mtime,
        size: numberIn(pax, "size") ?? header.size,
      };
      if (entry.type === "S" || pax?.has("GNU.sparse.major")) {
        throw new CopyError(
          "sparse files of GNU tar are not supported",
          entry.name,
        );
      }
      const hasBody = entry.type === TYPE.file ||
        entry.type === TYPE.contiguousFile;
      // Rule: links, folders and devices have no content, even if their size is not
      // 0.
      const isEmpty = /^[1-6]$/.test(entry.type);
      this.#body = hasBody ? entry.size : 0;
      this.#left = isEmpty ? 0 : padded(entry.size);
      return entry;
    }
  }

  /** The next bytes of the current entry's content; `undefined` at its end. */
  async readBody(): Promise<Uint8Array | undefined> {
    if (this.#body === 0) return undefined;
    const chunk = await this.#some(this.#body);
    this.#body -= chunk.length;
    this.#left -= chunk.length;
    return chunk;
  }

  async #skip(): Promise<void> {
    while (this.#left > 0) {
      this.#left -= (await this.#some(this.#left)).length;
    }
  }

  async #extension({ size, name }: TarHeader): Promise<Uint8Array> {
    if (size > MAX_EXTENSION) {
      throw new CopyError(`a name is too long: it has ${size} bytes`, name);
    }
    const bytes = await this.#take(size);
    this.#left -= size;
    return bytes;
  }

  /** Reads exactly `size` bytes. */
  async #take(size: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(size);
    for (let at = 0; at < size;) {
      const part = await this.#some(size - at);
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  /** Reads at least one byte and at most `most`. */
  async #some(most: number): Promise<Uint8Array> {
    while (this.#chunk.length === 0) {
      const chunk = await this.#source.read();
      if (chunk === undefined) {
        throw new CopyError("the archive ends too early");
      }
      this.#chunk = chunk;
    }
    const part = this.#chunk.subarray(0, most);
    this.#chunk = this.#chunk.subarray(part.length);
    return part;
  }
}

/**
 * Reads pax fields: "LENGTH NAME=VALUE\n", where LENGTH is the length of the whole
 * line in bytes.
 */
function readPax(bytes: Uint8Array): Map<string, string> {
  const fields = new Map<string, string>();
  const decoder = new TextDecoder();
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(0x20, at);
    const digits = decoder.decode(bytes.subarray(at, Math.max(space, at)));
    const length = /^[1-9][0-9]*$/.test(digits) ? Number(digits) : 0;
    const line = bytes.subarray(space + 1, at + length - 1);
    const text = decoder.decode(line);
    const equals = text.indexOf("=");
    if (
      bytes[at + length - 1] !== 0x0a || at + length <= space || equals < 1
    ) {
      throw new CopyError("the archive has invalid pax fields");
    }
    fields.set(text.slice(0, equals), text.slice(equals + 1));
    at += length;
  }
  return fields;
}

function numberIn(
  pax: ReadonlyMap<string, string> | undefined,
  name: string,
): number | undefined {
  const text = pax?.get(name);
  if (text === undefined) return undefined;
  const value = /^-?[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : NaN;
  const isWrong = name === "size"
    ? !Number.isSafeInteger(value) || value < 0
    : Number.isNaN(value);
  if (isWrong) {
    throw new CopyError(`the archive has an invalid ${name}: "${text}"`);
  }
  return value;
}
