/**
 * Range requests (RFC 9110, 14): the ranges that a client asks for, and the layout of
 * the body that answers them. Reading the header takes time proportional to its
 * length, whatever it contains.
 *
 * @module
 */

/** One range of bytes, `end` exclusive. */
export interface ByteRange {
  readonly begin: number;
  readonly end: number;
}

/**
 * Most ranges of one request. A request for more gets the whole file, because many
 * small ranges cost more than they save (RFC 9110, 17.15).
 */
export const MOST_RANGES = 100;

const SPEC = /^(\d*)-(\d*)$/;

/**
 * The requested ranges of a file of `size` bytes, in the order of the request.
 * `undefined` means the whole file: the request has no range, its header is invalid, it
 * has more than {@linkcode MOST_RANGES} ranges, or they are together longer than the
 * file. Ranges after the end of the file are left out; if that leaves none, the result
 * is `"unsatisfiable"` (RFC 9110, 14.1.2).
 */
export function requestedRanges(
  headers: Headers,
  size: number,
): readonly ByteRange[] | "unsatisfiable" | undefined {
  // The entity tags here are weak, and a weak tag never matches (RFC 9110, 13.1.5).
  if (headers.has("if-range")) return undefined;
  const list = /^bytes=(.*)$/i.exec(headers.get("range") ?? "")?.[1];
  if (list === undefined) return undefined;
  const specs = list.split(",", MOST_RANGES + 1);
  if (specs.length > MOST_RANGES) return undefined;
  const ranges: ByteRange[] = [];
  let total = 0;
  for (const spec of specs) {
    const range = readSpec(spec.trim(), size);
    if (range === undefined) return undefined;
    if (range.begin >= size) continue;
    ranges.push(range);
    total += range.end - range.begin;
  }
  if (ranges.length === 0) return "unsatisfiable";
  return total > size ? undefined : ranges;
}

/** Reads `A-B`, `A-` or `-LENGTH`; `undefined` if it is none of them. */
function readSpec(spec: string, size: number): ByteRange | undefined {
  const [, first, last] = SPEC.exec(spec) ?? [];
  if (first === undefined || first === "" && last === "") return undefined;
  if (first === "") {
    return { begin: Math.max(0, size - Number(last)), end: size };
  }
  const begin = Number(first);
  if (last === "") return { begin, end: size };
  if (Number(last) < begin) return undefined;
  return { begin, end: Math.min(size, Number(last) + 1) };
}

/** The value of `content-range` for a range. */
export function contentRange({ begin, end }: ByteRange, size: number): string {
  return `bytes ${begin}-${end - 1}/${size}`;
}

/** A part of a body: bytes of the file, or text between them. */
export type BodyPart = ByteRange | Uint8Array<ArrayBuffer>;

/** A body of several ranges, of the type `multipart/byteranges`. */
export interface Multipart {
  readonly contentType: string;
  /** Length of the body, bytes. */
  readonly length: number;
  readonly parts: readonly BodyPart[];
}

/**
 * The body for several ranges of a file with this content type and size (RFC 9110,
 * 14.6). `boundary` must not occur in the file.
 */
export function multipart(
  ranges: readonly ByteRange[],
  { type, size }: { readonly type: string; readonly size: number },
  boundary: string = crypto.randomUUID(),
): Multipart {
  const encoder = new TextEncoder();
  const parts: BodyPart[] = [];
  let before = "";
  for (const range of ranges) {
    parts.push(
      encoder.encode(
        `${before}--${boundary}\r\ncontent-type: ${type}\r\ncontent-range: ${
          contentRange(range, size)
        }\r\n\r\n`,
      ),
      range,
    );
    before = "\r\n";
  }
  parts.push(encoder.encode(`\r\n--${boundary}--\r\n`));
  return {
    contentType: `multipart/byteranges; boundary=${boundary}`,
    length: parts.reduce((sum, part) => sum + lengthOf(part), 0),
    parts,
  };
}

function lengthOf(part: BodyPart): number {
  return part instanceof Uint8Array ? part.length : part.end - part.begin;
}
