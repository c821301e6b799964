/**
 * The one place that writes to the terminal. What peers, files and other
 * people's programs have to say may hold escape sequences that move the cursor,
 * name the window or type for the user; here they become visible text.
 *
 * {@linkcode print} and {@linkcode printError} take {@linkcode Shown} only, and
 * what is put into a `Shown` is spelled out on the way: nothing is printed that
 * did not pass through {@linkcode printable}.
 *
 * The payload that a user asked for (the body of `get`, the output of `exec`)
 * is no text of ours: it goes to standard output byte by byte, through
 * {@linkcode payloadOut} and {@linkcode payloadError}.
 *
 * @module
 */

import { printable } from "../values.ts";
import * as colors from "../deps.ts";
import { type WrapOptions, wrapText } from "./wrap.ts";

/** What {@linkcode printable} spells out, without what JSON.stringify escapes by itself. */
const UNSAFE_IN_JSON = /[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]/gu;

export { printable };

/** A value as one line of JSON that could not steer a terminal either: C1 controls are `\u009b`. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(
    UNSAFE_IN_JSON,
    // Character by character of UTF-16, as JSON has it.
    (char) =>
      char.split("").map((unit) =>
        `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`
      ).join(""),
  );
}

/** Text that may be printed. */
export class Shown {
  readonly #text: string;

  /** By {@linkcode show} and its like only. */
  constructor(text: string) {
    this.#text = text;
  }

  /** The text, colours included. */
  toString(): string {
    return this.#text;
  }
}

/** What can be put into a line. */
export type Part = Shown | string | number;

/** A line: the template's own words unchanged, control characters in the values spelled out. */
export function show(words: TemplateStringsArray, ...parts: Part[]): Shown {
  return new Shown(String.raw({ raw: words }, ...parts.map(textOf)));
}

/** Lines of this program's own, such as a help text: the line feeds stay. */
export function showLines(text: string): Shown {
  return new Shown(text.split("\n").map(printable).join("\n"));
}

/** A value as JSON. */
export function showJson(value: unknown): Shown {
  return new Shown(printableJson(value));
}

/** A line as rows of so many columns; one row where `columns` is `undefined`. */
export function wrap(
  line: Shown,
  columns: number | undefined,
  options: WrapOptions,
): Shown[] {
  return wrapText(line.toString(), columns, options)
    .map((row) => new Shown(row));
}

function textOf(part: Part): string {
  return part instanceof Shown ? part.toString() : printable(String(part));
}

/** A colour or weight of text. */
type Style = (part: Part) => Shown;

/** In bold. */
export const bold: Style = styled(colors.bold);
/** In cyan. */
export const cyan: Style = styled(colors.cyan);
/** Dimmed. */
export const dim: Style = styled(colors.dim);
/** In green. */
export const green: Style = styled(colors.green);
/** In red. */
export const red: Style = styled(colors.red);
/** In yellow. */
export const yellow: Style = styled(colors.yellow);

function styled(style: (text: string) => string): Style {
  return (part) => new Shown(style(textOf(part)));
}

/** A line on standard output, in colour on a terminal only. */
export function print(line: Shown): void {
  console.log(Deno.stdout.isTerminal() ? line.toString() : plain(line));
}

/**
 * Lines on standard output, in one write: a capture has a million of them.
 * Throws `Deno.errors.BrokenPipe` when the reader has closed its end.
 */
export function printAll(lines: readonly Shown[]): void {
  if (lines.length === 0) return;
  const isTerminal = Deno.stdout.isTerminal();
  let text = "";
  for (const line of lines) {
    text += `${isTerminal ? line.toString() : plain(line)}\n`;
  }
  for (let rest = ENCODER.encode(text); rest.length > 0;) {
    rest = rest.subarray(Deno.stdout.writeSync(rest));
  }
}

/** Columns of the terminal that standard output is; `undefined` for a file or pipe. */
export function columns(): number | undefined {
  if (!Deno.stdout.isTerminal()) return undefined;
  try {
    return Deno.consoleSize().columns || undefined;
  } catch {
    // A terminal that does not tell its size.
    return undefined;
  }
}

/** A line on standard error, in colour on a terminal only. */
export function printError(line: Shown): void {
  console.error(Deno.stderr.isTerminal() ? line.toString() : plain(line));
}

/** A line on standard error, in rows that fit a terminal. */
export function printErrorInRows(line: Shown): void {
  for (const row of wrap(line, terminalWidth(Infinity), { indent: 2 })) {
    printError(row);
  }
}

/** Keeps a warning of Deno that begins like this off standard error, until the program ends. */
export function hideWarning(begin: string): void {
  const { warn } = console;
  console.warn = (...parts: unknown[]): void => {
    if (!String(parts[0]).startsWith(begin)) warn.apply(console, parts);
  };
}

/** A line without its colours. Nothing else in it begins with ESC. */
function plain(line: Shown): string {
  const text = line.toString();
  return text.includes("\x1b") ? colors.stripAnsiCode(text) : text;
}

/** Whether standard error is a terminal, on which lines can be drawn again. */
export function canDraw(): boolean {
  return Deno.stderr.isTerminal();
}

/** Draws the last line of standard error again; `undefined` takes it away. */
export function drawLine(line: Shown | undefined): void {
  Deno.stderr.writeSync(ENCODER.encode(`\r${line ?? ""}\x1b[K`));
}

/** Columns of the terminal on standard error; `otherwise` where it is none. */
export function terminalWidth(otherwise: number): number {
  try {
    return canDraw() && Deno.consoleSize().columns || otherwise;
  } catch {
    return otherwise;
  }
}

/** Text on standard output as it is, without a line feed; its escape sequences are spelled out on a terminal. */
export function writeText(text: string): void {
  const shown = Deno.stdout.isTerminal()
    ? text.replace(/[^\n\t]+/g, printable)
    : text;
  const bytes = ENCODER.encode(shown);
  for (let at = 0; at < bytes.length;) {
    at += Deno.stdout.writeSync(bytes.subarray(at));
  }
}

/** The program that reads the output has ended, such as `head`. That is no fault to report. */
export class OutputClosedError extends Error {
  override readonly name = "OutputClosedError";
}

/** Standard output for a payload, byte by byte. */
export function payloadOut(): WritableStream<Uint8Array> {
  return payloadTo(Deno.stdout);
}

/** Standard error for a payload, byte by byte. */
export function payloadError(): WritableStream<Uint8Array> {
  return payloadTo(Deno.stderr);
}

/**
 * `Deno.stderr.writable` closes the file when a pipe into it fails, and the
 * message that says why can then not be printed any more.
 */
function payloadTo(
  file: Pick<typeof Deno.stdout, "write">,
): WritableStream<Uint8Array> {
  return new WritableStream<Uint8Array>({
    async write(chunk) {
      try {
        for (let rest = chunk; rest.length > 0;) {
          rest = rest.subarray(await file.write(rest));
        }
      } catch (cause) {
        if (!(cause instanceof Deno.errors.BrokenPipe)) throw cause;
        throw new OutputClosedError("nobody reads the output", { cause });
      }
    },
  });
}

/** Whether a payload on standard output would be read by a terminal. */
export function payloadIsShown(): boolean {
  return Deno.stdout.isTerminal();
}

const ENCODER = new TextEncoder();
