/**
 * Payload as text, as JSON and as hex digits.
 *
 * @module
 */

import { printable } from "../values.ts";
import { Gunzip, isGzip } from "../capture/gunzip.ts";
import type { Payload } from "./model.ts";

/** A way to show payload. */
export type PayloadForm = "json" | "text" | "hex";

/** Bytes of a payload that its preview is made of. */
const PREVIEW = 160;
/** Bytes of a payload that are shown: more would take a browser too long. */
const MOST_SHOWN = 1 << 20;
/** Characters that JSON may have with indents: a MiB that is nested deeply would have thousands of times as many. */
const MOST_JSON = 4 * MOST_SHOWN;

/** The forms in which a payload can be shown, the best first. */
export function formsOf(payload: Payload): PayloadForm[] {
  const text = decoded(payload.bytes.subarray(0, MOST_SHOWN));
  if (text === undefined) return ["hex", "text"];
  return jsonOf(text) === undefined ? ["text", "hex"] : ["json", "text", "hex"];
}

/**
 * The payload in a form: at most its first MiB. What is missing, was not kept or
 * is not shown is said in brackets.
 * `perLine`: bytes in a line of hex digits.
 */
export function payloadText(
  payload: Payload,
  form: PayloadForm,
  perLine = 16,
): string {
  const bytes = payload.bytes.subarray(0, MOST_SHOWN);
  const { left } = payload;
  const hidden = payload.bytes.length - bytes.length;
  const end = [
    hidden > 0
      ? `\n[${hidden} more bytes are not shown; Save writes them]`
      : "",
    left > 0 ? `\n[${left} more bytes are not kept in this page]` : "",
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
 * Bytes as hex digits and characters, `perLine` in a line; offsets count from
 * `offset`.
 */
export function hexText(bytes: Uint8Array, offset = 0, perLine = 16): string {
  const lines: string[] = [];
  // A gap behind eight bytes.
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

/** The beginning of a payload as one line; empty when it is not text. */
export function previewOf({ bytes }: Payload): string {
  return (decoded(bytes.subarray(0, PREVIEW)) ?? "").replace(/\s+/g, " ")
    .trim();
}

/**
 * What is packed in a payload, at most its first MiB; `undefined` when it is not
 * gzip. Of damaged data, that before the damage.
 */
export function unpacked({ bytes, gaps }: Payload): Payload | undefined {
  if (!isGzip(bytes) || gaps.length > 0) return undefined;
  const pieces: Uint8Array[] = [];
  let size = 0;
  try {
    for (const piece of new Gunzip().read(bytes)) {
      pieces.push(piece.slice(0, MOST_SHOWN - size));
      size += pieces[pieces.length - 1].length;
      if (size === MOST_SHOWN) break;
    }
  } catch {
    // What is damaged ends here.
  }
  if (size === 0) return undefined;
  const whole = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return { bytes: whole, gaps: [], left: 0 };
}

/** The payloads of several frames behind one another, such as the body of a response. */
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
    // What was not kept is behind what was: the next frame does not follow on it.
    if (payload.left > 0) {
      left += payload.left;
      break;
    }
  }
  return { bytes: bytes.slice(0, at), gaps, left };
}

/** Text with its lines and tabs; other characters that do not print are spelled out. */
function shown(text: string): string {
  return text.replaceAll("\r\n", "\n").split(/([\n\t])/).map((part) =>
    part === "\n" || part === "\t" ? part : printable(part)
  ).join("");
}

/** The bytes as text, unless they are something else. A character may be cut off at the end. */
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

/** JSON with indents; `undefined` for what is not an object or an array, or would be too long. */
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

/** About how many characters JSON has with indents of two spaces. */
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

/** The index of the quote that ends the string in JSON that begins at `begin`. */
function endOfString(text: string, begin: number): number {
  let at = begin + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at;
}
