/**
 * What a request says of the copy or the part it wants (RFC 9110, 13 and 14).
 * Each header is read once from left to right, whatever stands in it.
 *
 * @module
 */

/** The file that was asked for. */
export interface Version {
  /** Its entity tag, such as `W/"1a"`. */
  readonly tag: string | undefined;
  readonly mtime: Date;
}

/** One range of bytes, `end` exclusive. */
export interface ByteRange {
  readonly begin: number;
  readonly end: number;
}

/** The longest a date of HTTP is, characters: `Wednesday, 09-Nov-94 08:49:37 GMT`. */
const LONGEST_DATE = 33;
/** The three forms of a date (RFC 9110, 5.6.7). */
const DATE =
  /^(?:\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT|\w{6,9}, \d\d-\w{3}-\d\d [\d:]{8} GMT|\w{3} \w{3} [ \d]\d [\d:]{8} \d{4})$/;

/** The text between two entity tags. */
const BETWEEN = /[ \t,]*/y;

/** Whether the client's copy is the current file. */
export function isUnchanged(
  headers: Headers,
  { tag, mtime }: Version,
): boolean {
  const noneMatch = headers.get("if-none-match");
  // If-None-Match takes precedence over If-Modified-Since (RFC 9110, 13.2.2).
  if (noneMatch !== null) return matchesTag(noneMatch, tag);
  const since = parseDate(headers.get("if-modified-since") ?? "");
  // HTTP dates have whole seconds.
  return Math.floor(mtime.getTime() / 1000) * 1000 <= since;
}

/**
 * Whether an `If-None-Match` header names a tag, by the weak comparison (RFC
 * 9110, 8.8.3.2 and 13.1.2): `*`, or tags between commas. What stands behind
 * the first thing that is no tag is not read.
 */
export function matchesTag(header: string, tag: string | undefined): boolean {
  if (header.trim() === "*") return true;
  if (tag === undefined) return false;
  const wanted = tag.slice(tag.indexOf('"'));
  for (let at = 0;;) {
    BETWEEN.lastIndex = at;
    BETWEEN.test(header);
    at = BETWEEN.lastIndex;
    if (at === header.length) return false;
    if (header.startsWith("W/", at)) at += 2;
    const end = header[at] === '"' ? header.indexOf('"', at + 1) : -1;
    if (end < 0) return false;
    if (end + 1 - at === wanted.length && header.startsWith(wanted, at)) {
      return true;
    }
    at = end + 1;
  }
}

/** A date of HTTP as ms since 1970; `NaN` for anything else, which is to be ignored (RFC 9110, 13.1.3). */
function parseDate(text: string): number {
  return text.length <= LONGEST_DATE && DATE.test(text)
    ? Date.parse(text.endsWith("GMT") ? text : `${text} GMT`)
    : NaN;
}

/**
 * The range that is asked for of `size` bytes (RFC 9110, 14.1.2); `undefined`
 * for the whole, with which several ranges are answered as well.
 */
export function requestedRange(
  headers: Headers,
  size: number,
): ByteRange | "unsatisfiable" | undefined {
  if (headers.has("if-range")) return undefined;
  const match = /^bytes=(\d*)-(\d*)$/.exec(headers.get("range") ?? "");
  if (!match || (match[1] === "" && match[2] === "")) return undefined;
  const [, first, last] = match;
  const begin = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === ""
    ? size
    : Math.min(size, Number(last) + 1);
  if (first !== "" && last !== "" && Number(last) < Number(first)) {
    return undefined;
  }
  return begin >= size ? "unsatisfiable" : { begin, end };
}
