/**
 * Headers of a tar archive: ustar (POSIX.1-1988), with what GNU tar and pax
 * (POSIX.1-2001) add for long names and large files.
 *
 * The standard library's `@std/tar` (0.1.10) is not used, because it does not
 * support names above 256 bytes, reads a file above 8 GiB as empty, and returns 512
 * bytes at a time.
 *
 * @module
 */

import { CopyError } from "../error.ts";

/** Size of a block, bytes. A header is one block; files are padded to whole blocks. */
export const BLOCK = 512;

/** Type flags of an entry. */
export const TYPE = {
  file: "0",
  hardLink: "1",
  symlink: "2",
  folder: "5",
  contiguousFile: "7",
  /** GNU: the name of the next entry. */
  longName: "L",
  /** GNU: the link target of the next entry. */
  longLink: "K",
  /** pax: fields of the next entry. */
  pax: "x",
  /** pax: fields of all following entries. */
  globalPax: "g",
} as const;

/** The fields of a header. */
export interface TarHeader {
  readonly name: string;
  readonly type: string;
  /** Size of the content without padding, bytes. */
  readonly size: number;
  /** Permission bits. */
  readonly mode: number;
  /** Time of the last change, seconds since 1970. */
  readonly mtime: number;
  /** Target of a link. */
  readonly link: string;
}

/** Offset and length of each field. */
const FIELDS = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  link: [157, 100],
  magic: [257, 8],
  prefix: [345, 155],
} as const;

type FieldName = keyof typeof FIELDS;

/** Whether all bytes of a block are zero; two such blocks end an archive. */
export function isZero(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

/**
 * Reads a header.
 *
 * Throws {@linkcode CopyError} for an invalid block.
 */
export function decodeHeader(block: Uint8Array): TarHeader {
  const view = (name: FieldName): Uint8Array => {
    const [start, length] = FIELDS[name];
    return block.subarray(start, start + length);
  };
  if (readNumber(view("checksum")) !== checksum(block)) {
    throw new CopyError("the archive has a header with a wrong checksum");
  }
  const name = readText(view("name"));
  // GNU's magic is "ustar  ", and its header has times in the place of ustar's
  // prefix.
  const isUstar = readText(view("magic").subarray(0, 6)) === "ustar" &&
    view("magic")[5] === 0;
  const prefix = isUstar ? readText(view("prefix")) : "";
  const type = readText(view("type"));
  const size = readNumber(view("size"));
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new CopyError(
      "the archive has an entry with an invalid size",
      name,
    );
  }
  const isOldFolder = (type === "" || type === TYPE.file) && name.endsWith("/");
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    type: isOldFolder ? TYPE.folder : type === "" ? TYPE.file : type,
    size,
    mode: finite(readNumber(view("mode"))) & 0o7777,
    mtime: finite(readNumber(view("mtime"))),
    link: readText(view("link")),
  };
}

/** Writes an entry's header, after additional blocks for a long name or link target. */
export function encodeHeader(header: TarHeader): Uint8Array<ArrayBuffer>[] {
  const blocks: Uint8Array<ArrayBuffer>[] = [];
  const name = new TextEncoder().encode(header.name);
  const link = new TextEncoder().encode(header.link);
  if (link.length > 100) blocks.push(...longField(TYPE.longLink, link));
  const split = name.length <= 100 ? 0 : splitAt(name);
  if (split < 0) blocks.push(...longField(TYPE.longName, name));
  const block = new Uint8Array(BLOCK);
  const put = (field: FieldName, bytes: Uint8Array): void => {
    const [start, length] = FIELDS[field];
    block.set(bytes.subarray(0, length), start);
  };
  const number = (field: FieldName, value: number): void =>
    put(field, encodeNumber(value, FIELDS[field][1]));
  put("name", split > 0 ? name.subarray(split + 1) : name);
  if (split > 0) put("prefix", name.subarray(0, split));
  number("mode", header.mode & 0o7777);
  number("uid", 0);
  number("gid", 0);
  number("size", header.size);
  number("mtime", Math.max(0, Math.floor(header.mtime)));
  put("type", ascii(header.type));
  put("link", link);
  put("magic", ascii("ustar\x0000"));
  put("checksum", ascii(`${octal(checksum(block), 6)}\0 `));
  blocks.push(block);
  return blocks;
}

/** GNU's entry for a long name. busybox reads it as well, but skips those of pax. */
function longField(
  type: string,
  value: Uint8Array,
): Uint8Array<ArrayBuffer>[] {
  const body = new Uint8Array(padded(value.length + 1));
  body.set(value);
  return [
    ...encodeHeader({
      name: "././@LongLink",
      type,
      size: value.length + 1,
      mode: 0o644,
      mtime: 0,
      link: "",
    }),
    body,
  ];
}

/** The size rounded up to whole blocks. */
export function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}

/** Index of the slash that divides a name into prefix and name; -1 if there is none. */
function splitAt(name: Uint8Array): number {
  const slash = name.indexOf(0x2f, name.length - 101);
  return slash > 0 && slash <= 155 && slash < name.length - 1 ? slash : -1;
}

/** The sum of all bytes, with spaces in place of the checksum. */
function checksum(block: Uint8Array): number {
  const [start, length] = FIELDS.checksum;
  let sum = 0;
  for (let at = 0; at < BLOCK; at++) {
    sum += at >= start && at < start + length ? 0x20 : block[at];
  }
  return sum;
}

/** Reads a number in octal digits or, if the first bit is set, in binary (GNU, base 256). */
function readNumber(field: Uint8Array): number {
  if (field[0] >= 0x80) {
    // Negative numbers, which begin with 0xff, occur only as times.
    if (field[0] === 0xff) return 0;
    let value = field[0] & 0x7f;
    for (const byte of field.subarray(1)) value = value * 256 + byte;
    return value;
  }
  const text = readText(field).trim();
  if (text === "") return 0;
  return /^[0-7]+$/.test(text) ? parseInt(text, 8) : NaN;
}

function encodeNumber(value: number, length: number): Uint8Array {
  const digits = length - 1;
  if (value < 8 ** digits) return ascii(`${octal(value, digits)}\0`);
  const field = new Uint8Array(length);
  for (let at = length - 1, rest = value; rest > 0; at--) {
    field[at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  field[0] |= 0x80;
  return field;
}

function finite(value: number): number {
  return Number.isFinite(value) ? value : 0;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

/** Text up to the first NUL. */
export function readText(field: Uint8Array): string {
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}

function ascii(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
