/**
 * The `date` header.
 *
 * @module
 */

import { date } from "../../connection/time/clock.ts";

let second = -1;
let text = "";

/** The current time as an HTTP date, formatted once a second. */
export function httpDate(): string {
  const now = Math.floor(date() / 1000);
  if (now !== second) {
    second = now;
    text = new Date(now * 1000).toUTCString();
  }
  return text;
}
