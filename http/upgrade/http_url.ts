/**
 * The URL of the functions that connect to a server through an HTTP/1.1 upgrade.
 *
 * @module
 */

import { InvalidArgumentError } from "../../errors.ts";
import { show } from "../../values.ts";

/** A copy of an `http:` or `https:` URL. Throws `InvalidArgumentError` for anything else. */
export function readHttpUrl(url: string | URL): URL {
  let read: URL;
  try {
    read = new URL(url);
  } catch (cause) {
    throw new InvalidArgumentError(`url ${show(url)} is not a URL`, { cause });
  }
  if (read.protocol === "http:" || read.protocol === "https:") return read;
  throw new InvalidArgumentError(
    `url ${show(url)} is not an http: or https: URL`,
  );
}
