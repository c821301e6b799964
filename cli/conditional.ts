/**
 * Conditional requests (RFC 9110, 13). Reading a header takes time proportional to its
 * length, whatever it contains.
 *
 * @module
 */

/** The current version of the requested file. */
export interface Version {
  /** Its entity tag, such as `W/"1a"`. */
  readonly tag: string | undefined;
  readonly mtime: Date;
}

/** Longest HTTP date, characters: `Wednesday, 09-Nov-94 08:49:37 GMT`. */
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
  return wholeSeconds(mtime) <= since;
}

/**
 * Whether the client asks for another version than the current one, for example
 * because it already has the beginning of the other version. The answer is then 412.
 */
export function isOtherVersion(
  headers: Headers,
  { mtime }: Pick<Version, "mtime">,
): boolean {
  const match = headers.get("if-match");
  // If-Match takes precedence over If-Unmodified-Since (RFC 9110, 13.2.2). The entity
  // tags here are weak, which If-Match never matches (RFC 9110, 13.1.1).
  if (match !== null) return match.trim() !== "*";
  return wholeSeconds(mtime) >
    parseDate(headers.get("if-unmodified-since") ?? "");
}

/**
 * Whether an `If-None-Match` header matches a tag by weak comparison (RFC 9110,
 * 8.8.3.2 and 13.1.2). The header is `*` or a list of tags; reading stops at the
 * first item that is not a tag.
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

/** The time in ms since 1970, rounded down, because HTTP dates have whole seconds. */
function wholeSeconds(time: Date): number {
  return Math.floor(time.getTime() / 1000) * 1000;
}

/** An HTTP date as ms since 1970; `NaN` for an invalid date, which must be ignored (RFC 9110, 13.1.3). */
function parseDate(text: string): number {
  return text.length <= LONGEST_DATE && DATE.test(text)
    ? Date.parse(text.endsWith("GMT") ? text : `${text} GMT`)
    : NaN;
}
