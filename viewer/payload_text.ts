/**
 * Converts payload to text, JSON or hex digits.
 *
 * @module
 */

import { concat } from "../bytes.ts";
import { printable } from "../values.ts";
import { Gunzip, isGzip } from "../capture/gunzip.ts";
import type { Payload } from "./model.ts";

/** A way to show payload. */
export type PayloadForm = "json" | "text" | "hex";

/** Bytes of a payload that are used for its preview. */
const PREVIEW = 160;
/** Most bytes of a payload that are shown, because more would slow the browser down. */
const MOST_SHOWN = 1 << 20;
/** Most characters of indented JSON: a deeply nested MiB would have thousands of times as many. */
const MOST_JSON = 4 * MOST_SHOWN;

/** The forms in which a payload can be shown, best first. */
export function formsOf(payload: Payload): PayloadForm[] {
  const text = decoded(payload.bytes.subarray(0, MOST_SHOWN));
  if (text === undefined) return ["hex", "text"];
  return jsonOf(text) === undefined ? ["text", "hex"] : ["json", "text", "hex"];
}

/**
 * The payload in a form: at most its first MiB. Notes in brackets report what is
 * missing, was not kept or is not shown. `perLine` is the number of bytes in a line of
 * hex digits.
 */
export function payloadText(
  payload: Payload,
  form: PayloadForm,
  perLine = 16,
): string {
  const bytes = payload.bytes.subarray(0, MOST_SHOWN);
  const { left, note } = payload;
  const hidden = payload.bytes.length - bytes.length;
  const end = [
    hidden > 0
      ? `\n[${hidden} more bytes are not shown; Save writes them]`
      : "",
    left > 0 ? `\n[${left} more bytes are not kept in this page]` : "",
    note === undefined ? "" : `\n[${note}]`,
  ].join("");
  if (form === "json") {
    const json = jsonOf(decoded(bytes) ?? "");
    if (json !== undefined) return shown(json) + end;
  }
  const convert = form === "hex"
    ? (part: Uint8Array, at: number): string => hexText(part, at, perLine)
    : (part: Uint8Array): string =>
      shown(new TextDecoder().decode(part, { stream: true }));
  const parts: string[] = [];
  let from = 0;
  for (const [at, count] of payload.gaps) {
    if (at > bytes.length) break;
    if (at > from) parts.push(convert(bytes.subarray(from, at), from));
    parts.push(`[the capture lacks ${count} bytes here]`);
    from = at;
  }
  if (from < bytes.length) parts.push(convert(bytes.subarray(from), from));
  return parts.join("\n") + end;
}

/**
 * Bytes as hex digits and characters, `perLine` in a line; the first one has the
 * offset `offset`.
 */
export function hexText(bytes: Uint8Array, offset = 0, perLine = 16): string {
  const lines: string[] = [];
  // There is a gap after each group of eight bytes.
  const width = 3 * perLine - 1 + Math.floor((perLine - 1) / 8);
  for (let at = 0; at < bytes.length; at += perLine) {
    let digits = "";
    let characters = "";
    bytes.subarray(at, at + perLine).forEach((byte, index) => {
      if (index > 0) digits += index % 8 === 0 ? "  " : " ";
      digits += byte.toString(16).padStart(2, "0");
      characters += byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".";
    });
    const place = (offset + at).toString(16).padStart(6, "0");
    lines.push(`${place}  ${digits.padEnd(width)}  ${characters}`);
  }
  return lines.join("\n");
}

/** The beginning of a payload as one line; empty if it is not text. */
export function previewOf({ bytes }: Payload): string {
  return (decoded(bytes.subarray(0, PREVIEW)) ?? "").replace(/\s+/g, " ")
    .trim();
}

/**
 * The decompressed payload, at most its first MiB; `undefined` if it is not gzip. Its note
 * says why something is missing at its end.
 */
export function unpacked({ bytes, gaps, left }: Payload): Payload | undefined {
  if (!isGzip(bytes) || gaps.length > 0) return undefined;
  const pieces: Uint8Array[] = [];
  let size = 0;
  let note: string | undefined;
  const gunzip = new Gunzip();
  try {
    for (const piece of gunzip.read(bytes)) {
      const part = piece.slice(0, MOST_SHOWN - size);
      pieces.push(part);
      size += part.length;
      if (part.length === piece.length) continue;
      note = "only the first MiB is unpacked";
      break;
    }
    if (note === undefined && gunzip.isCutOff) {
      note = left > 0
        ? `${left} more bytes, packed, are not kept in this page`
        : "the packed payload is not complete";
    }
  } catch {
    note = "the packed payload is damaged here";
  }
  if (size === 0) return undefined;
  return { bytes: concat(pieces), gaps: [], left: 0, note };
}

/** Concatenates the payloads of several frames, such as those of the body of a response. */
export function joinPayloads(payloads: readonly Payload[]): Payload {
  const size = payloads.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const bytes = new Uint8Array(size);
  const gaps: [number, number][] = [];
  let at = 0;
  let left = 0;
  for (const payload of payloads) {
    for (const [place, count] of payload.gaps) gaps.push([at + place, count]);
    bytes.set(payload.bytes, at);
    at += payload.bytes.length;
    // Bytes that were not kept follow here, so the next frame is not contiguous.
    if (payload.left > 0) {
      left += payload.left;
      break;
    }
  }
  return { bytes: bytes.slice(0, at), gaps, left };
}

/** Text with its lines and tabs; other characters that do not print are escaped. */
function shown(text: string): string {
  return text.replaceAll("\r\n", "\n").split(/([\n\t])/).map((part) =>
    part === "\n" || part === "\t" ? part : printable(part)
  ).join("");
}

/** The bytes as text, if they are text. The last character may be truncated. */
function decoded(bytes: Uint8Array): string | undefined {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes, {
      stream: true,
    });
  } catch {
    return undefined;
  }
  // deno-lint-ignore no-control-regex
  return /[\x00-\x08\x0e-\x1a\x1c-\x1f]/.test(text) ? undefined : text;
}

/** Indented JSON; `undefined` if it is not an object or an array, or would be too long. */
function jsonOf(text: string): string | undefined {
  if (!/^\s*[[{]/.test(text) || indentedLength(text) > MOST_JSON) {
    return undefined;
  }
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return undefined;
  }
}

/** Estimates the length of JSON with an indentation of two spaces. */
function indentedLength(text: string): number {
  let length = text.length;
  let indent = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text[at]) {
      case '"':
        at = endOfString(text, at);
        break;
      case "[":
      case "{":
        indent += 2;
        length += indent;
        break;
      case "]":
      case "}":
        indent -= 2;
        length += indent;
        break;
      case ",":
        length += indent;
    }
  }
  return length;
}

/** The index of the quote that ends the string that begins at `begin`. */
function endOfString(text: string, begin: number): number {
  let at = begin + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at;
}
