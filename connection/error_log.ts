/**
 * Logs errors, whose messages may contain text of a peer.
 *
 * @module
 */

import { printable } from "../values.ts";

/** Most causes of an error that are printed. */
const MOST_CAUSES = 8;

/**
 * Logs an error with its stack. It is logged unchanged if nothing in it can control
 * a terminal, and otherwise as escaped text, because the message may come from a
 * peer.
 */
export function logError(error: unknown, before?: string): void {
  const label = before === undefined ? [] : [before];
  try {
    const text = textOf(error);
    const safe = text.split("\n").map(printable).join("\n");
    console.error(...label, safe === text ? error : safe);
  } catch {
    // An application may throw anything. A getter or a toString that throws must
    // not end the server.
    console.error(...label, "(an error whose text cannot be read)");
  }
}

/** The stacks of the error and of its causes. */
function textOf(error: unknown): string {
  const texts: string[] = [];
  let each = error;
  while (texts.length < MOST_CAUSES && each instanceof Error) {
    // The message may have changed after the stack was created.
    const stack = String(each.stack ?? "");
    const message = String(each.message);
    texts.push(stack.includes(message) ? stack : `${each}\n${stack}`);
    each = each.cause;
  }
  if (texts.length === 0) return String(error);
  return texts.join("\nCaused by: ");
}
