/**
 * The only module that writes to the terminal. Text from peers, files and other
 * programs can contain escape sequences that move the cursor, rename the window or
 * type for the user; here they become visible text.
 *
 * {@linkcode print} and {@linkcode printError} accept only {@linkcode Shown}, and
 * every value in a `Shown` is escaped by {@linkcode printable} when it is created.
 * So nothing is printed without escaping.
 *
 * A payload that the user requested (the body of `get`, the output of `exec`) is
 * written to standard output unchanged, through {@linkcode payloadOut} and
 * {@linkcode payloadError}.
 *
 * @module
 */

import * as colors from "../deps.ts";
import { printable } from "../values.ts";
import { type WrapOptions, wrapText } from "./wrap.ts";

/** Characters that {@linkcode printable} escapes and JSON.stringify does not. */
const UNSAFE_IN_JSON = /[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]/gu;

export { printable };

/**
 * A value as one line of JSON that cannot control a terminal either: C1 controls
 * are escaped, as in `\u009b`.
 */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(
    UNSAFE_IN_JSON,
    // JSON escapes each UTF-16 code unit.
    (char) =>
      char.split("").map((unit) =>
        `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`
      ).join(""),
  );
}

/** Text that is safe to print. */
export class Shown {
  readonly #text: string;

  /** Called only by {@linkcode show} and similar functions. */
  constructor(text: string) {
    this.#text = text;
  }

  /** The text with its colours. */
  toString(): string {
    return this.#text;
  }
}

/** A value that can be inserted in a line. */
export type Part = Shown | string | number;

/**
 * Creates a line: the text of the template is unchanged, and control characters in
 * the values are escaped.
 */
export function show(words: TemplateStringsArray, ...parts: Part[]): Shown {
  return new Shown(String.raw({ raw: words }, ...parts.map(textOf)));
}

/** Lines of this program's own text, such as a help text; line feeds are kept. */
export function showLines(text: string): Shown {
  return new Shown(text.split("\n").map(printable).join("\n"));
}

/** A value as JSON. */
export function showJson(value: unknown): Shown {
  return new Shown(printableJson(value));
}

/** A line as rows of `columns` columns; one row if that is `undefined`. */
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

/** A function that adds a colour or weight. */
type Style = (part: Part) => Shown;

/** Bold. */
export const bold: Style = styled(colors.bold);
/** Cyan. */
export const cyan: Style = styled(colors.cyan);
/** Dimmed. */
export const dim: Style = styled(colors.dim);
/** Green. */
export const green: Style = styled(colors.green);
/** Red. */
export const red: Style = styled(colors.red);
/** Yellow. */
export const yellow: Style = styled(colors.yellow);

function styled(style: (text: string) => string): Style {
  return (part) => new Shown(style(textOf(part)));
}

/**
 * Prints a line on standard output, with colours only on a terminal. Throws
 * {@linkcode OutputError} if this fails, for example because the disk is full.
 */
export function print(line: Shown): void {
  try {
    console.log(hasColors(Deno.stdout) ? line.toString() : plain(line));
  } catch (error) {
    throw outputError("standard output", error);
  }
}

/**
 * Prints lines on standard output in one write, because a capture can have a
 * million of them. Throws {@linkcode OutputError} if this fails.
 */
export function printAll(lines: readonly Shown[]): void {
  if (lines.length === 0) return;
  const isColored = hasColors(Deno.stdout);
  let text = "";
  for (const line of lines) {
    text += `${isColored ? line.toString() : plain(line)}\n`;
  }
  writeBytes(text);
}

/** Writes text to standard output; throws {@linkcode OutputError} if this fails. */
function writeBytes(text: string): void {
  try {
    for (let rest = ENCODER.encode(text); rest.length > 0;) {
      rest = rest.subarray(Deno.stdout.writeSync(rest));
    }
  } catch (error) {
    throw outputError("standard output", error);
  }
}

/** Width of the terminal on standard output; `undefined` for a file or pipe. */
export function columns(): number | undefined {
  if (!Deno.stdout.isTerminal()) return undefined;
  try {
    return Deno.consoleSize().columns || undefined;
  } catch {
    // The terminal does not report its size.
    return undefined;
  }
}

/**
 * Prints a line on standard error, with colours only on a terminal. If this fails,
 * because its disk is full, the line is lost: there is nowhere else to report it, and
 * a server must not end because of it.
 */
export function printError(line: Shown): void {
  try {
    console.error(hasColors(Deno.stderr) ? line.toString() : plain(line));
  } catch {
    // See above.
  }
}

/** Prints a line on standard error, in rows that fit the terminal. */
export function printErrorInRows(line: Shown): void {
  for (const row of wrap(line, terminalWidth(Infinity), { indent: 2 })) {
    printError(row);
  }
}

/** Hides a warning of Deno with this beginning until the program ends. */
export function hideWarning(begin: string): void {
  const { warn } = console;
  console.warn = (...parts: unknown[]): void => {
    if (!String(parts[0]).startsWith(begin)) warn.apply(console, parts);
  };
}

/** Whether an output is a terminal that understands escape sequences. */
function hasColors(output: { isTerminal(): boolean }): boolean {
  return output.isTerminal() && !isDumb();
}

/**
 * Whether TERM names a terminal without escape sequences. Without the permission to
 * read it, which is not asked for, the terminal is taken for an ordinary one.
 */
function isDumb(): boolean {
  const { state } = Deno.permissions.querySync({
    name: "env",
    variable: "TERM",
  });
  return state === "granted" && Deno.env.get("TERM") === "dumb";
}

/** A line without its colours. No other part of it begins with ESC. */
function plain(line: Shown): string {
  const text = line.toString();
  return text.includes("\x1b") ? colors.stripAnsiCode(text) : text;
}

/** Whether standard error is a terminal, on which a line can be drawn again. */
export function canDraw(): boolean {
  return hasColors(Deno.stderr);
}

/** Draws the last line of standard error again; `undefined` removes it. */
export function drawLine(line: Shown | undefined): void {
  Deno.stderr.writeSync(ENCODER.encode(`\r${line ?? ""}\x1b[K`));
}

/** Width of the terminal on standard error; `otherwise` if it is not a terminal. */
export function terminalWidth(otherwise: number): number {
  try {
    return canDraw() && Deno.consoleSize().columns || otherwise;
  } catch {
    return otherwise;
  }
}

/**
 * Writes text to standard output without a line feed. On a terminal, its escape
 * sequences are escaped.
 */
export function writeText(text: string): void {
  writeBytes(
    Deno.stdout.isTerminal() ? text.replace(/[^\n\t]+/g, printable) : text,
  );
}

/** An output cannot be written: its disk is full, or its folder does not exist. */
export class OutputError extends Error {
  override readonly name: string = "OutputError";

  /** `output` is the name of the file, or "standard output". */
  constructor(output: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    // Deno adds ": open 'FILE'", which would be the second name of the file.
    super(
      `cannot write to ${output}: ${
        reason.replace(/(\(os error \d+\)): \w+ '.*'$/s, "$1")
      }`,
    );
  }
}

/** The program that reads the output, such as `head`, has ended. */
export class OutputClosedError extends OutputError {
  override readonly name = "OutputClosedError";
}

/** The error for an output that cannot be written; `name` is that of the output. */
function outputError(name: string, cause: unknown): OutputError {
  return cause instanceof Deno.errors.BrokenPipe
    ? new OutputClosedError(name, cause)
    : new OutputError(name, cause);
}

/** Standard output for a payload, which is not changed. */
export function payloadOut(): WritableStream<Uint8Array> {
  return payloadTo(Deno.stdout, "standard output");
}

/** Standard error for a payload, which is not changed. */
export function payloadError(): WritableStream<Uint8Array> {
  return payloadTo(Deno.stderr, "standard error");
}

/**
 * A stream that never closes the file. `Deno.stderr.writable` closes it when a pipe
 * into it fails, and then the error message could not be printed.
 */
function payloadTo(
  file: Pick<typeof Deno.stdout, "write">,
  name: string,
): WritableStream<Uint8Array> {
  return new WritableStream<Uint8Array>({
    async write(chunk) {
      try {
        await writeAll(file, chunk);
      } catch (cause) {
        throw outputError(name, cause);
      }
    },
  });
}

/**
 * Creates a file for a payload, or empties an existing one. Throws
 * {@linkcode OutputError} if this fails, and so do writes.
 */
export async function fileOut(
  name: string,
): Promise<WritableStream<Uint8Array>> {
  const file = await named(name, () => Deno.create(name));
  // `FsFile.writable` must not be used: in Deno 2.9 it ignores the error of the last
  // write, so that a full disk looks like success.
  return new WritableStream<Uint8Array>({
    async write(chunk): Promise<void> {
      try {
        await named(name, () => writeAll(file, chunk));
      } catch (error) {
        file.close();
        throw error;
      }
    },
    close: () => file.close(),
    abort: () => file.close(),
  });
}

/** Writes a text to a file; throws {@linkcode OutputError} if this fails. */
export function writeFile(name: string, text: string): Promise<void> {
  return named(name, () => Deno.writeTextFile(name, text));
}

/** Runs a step of writing a file; its error names the file. */
async function named<T>(name: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw outputError(name, error);
  }
}

async function writeAll(
  file: Pick<Deno.FsFile, "write">,
  bytes: Uint8Array,
): Promise<void> {
  for (let rest = bytes; rest.length > 0;) {
    rest = rest.subarray(await file.write(rest));
  }
}

/** Whether a payload on standard output is shown on a terminal. */
export function payloadIsShown(): boolean {
  return Deno.stdout.isTerminal();
}

const ENCODER = new TextEncoder();
