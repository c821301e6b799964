/**
 * Puts errors on the console, whose messages may be text of a peer.
 *
 * @module
 */

import { printable } from "../values.ts";

/** Most causes of an error that are printed. */
const MOST_CAUSES = 8;

/**
 * Puts an error on the console, with its stack. As it is when nothing in it
 * could steer a terminal; else as text: the message may be a peer's.
 */
export function logError(error: unknown, before?: string): void {
  const label = before === undefined ? [] : [before];
  try {
    const text = textOf(error);
    const safe = text.split("\n").map(printable).join("\n");
    console.error(...label, safe === text ? error : safe);
  } catch {
    // An application may throw anything, also what has no text: a getter or a
    // toString that throws must not end the server.
    console.error(...label, "(an error whose text cannot be read)");
  }
}

/** The error's stack, and those of what caused it. */
function textOf(error: unknown): string {
  const texts: string[] = [];
  let each = error;
  while (texts.length < MOST_CAUSES && each instanceof Error) {
    // A message may be changed after the stack was written down.
    const stack = String(each.stack ?? "");
    const message = String(each.message);
    texts.push(stack.includes(message) ? stack : `${each}\n${stack}`);
    each = each.cause;
  }
  if (texts.length === 0) return String(error);
  return texts.join("\nCaused by: ");
}
