/**
 * Draws a progress bar, if standard error is a terminal.
 *
 * @module
 */

import { formatBytes } from "../deps.ts";
import { canDraw, drawLine, show, terminalWidth } from "./terminal.ts";

/** Width of the widest and of the narrowest bar, columns. */
const WIDTH = 30;
const NARROWEST = 5;
/** Shortest time between two updates of the bar, ms. */
const INTERVAL_MS = 100;

/** One bar for all current transfers. */
export class Progress {
  readonly #begin = performance.now();
  readonly #shown: boolean;
  #total: number | undefined = 0;
  #done = 0;
  /** When the bar was last drawn; `-Infinity` if it is not visible. */
  #drawn = -Infinity;

  /** Creates a bar on standard error. It is only drawn on a terminal and if `wanted`. */
  constructor(wanted: boolean) {
    this.#shown = wanted && canDraw();
  }

  /** Adds expected bytes; `undefined` if their number is unknown. */
  expect(bytes: number | undefined): void {
    this.#total = bytes === undefined || this.#total === undefined
      ? undefined
      : this.#total + bytes;
  }

  /** Counts bytes that arrived. */
  advance(bytes: number): void {
    this.#done += bytes;
    const now = performance.now();
    if (!this.#shown || now - this.#drawn < INTERVAL_MS) return;
    this.#drawn = now;
    drawLine(show`${
      progressLine(
        this.#done,
        this.#total,
        now - this.#begin,
        terminalWidth(80),
      )
    }`);
  }

  /** Removes the bar, so that other text can be written. */
  clear(): void {
    if (this.#drawn > 0) drawLine(undefined);
    this.#drawn = -Infinity;
  }
}

/**
 * The bar as text, shorter than `columns`, because a line that the terminal wraps
 * cannot be drawn again.
 */
export function progressLine(
  done: number,
  total: number | undefined,
  milliseconds: number,
  columns = 80,
): string {
  const rate = `${
    formatBytes(milliseconds > 0 ? Math.round(done / milliseconds * 1000) : 0)
  }/s`;
  const most = Math.max(1, columns - 1);
  if (total === undefined || total === 0) {
    return `${formatBytes(done)}  ${rate}`.slice(0, most);
  }
  const part = Math.min(1, done / total);
  const text = `${Math.floor(part * 100)} %  ${formatBytes(done)} of ${
    formatBytes(total)
  }  ${rate}`;
  const width = Math.min(WIDTH, most - text.length - "[] ".length);
  if (width < NARROWEST) return text.slice(0, most);
  return `[${"#".repeat(Math.round(part * width)).padEnd(width, ".")}] ${text}`;
}
