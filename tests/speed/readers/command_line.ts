/**
 * What the command line does with text from a peer, and with text that a server's
 * operator passes to it.
 *
 * @module
 */

import { readPushRules } from "../../../cli/serve.ts";
import { printable, printableJson } from "../../../cli/terminal.ts";
import { KIB, type Reader, Readers } from "./reader.ts";

const readers = new Readers();

/** The readers of the command line. */
export const commandLineReaders: readonly Reader[] = readers.all;

readers.addFilled("text for the terminal", 64 * KIB, printable);
readers.addFilled("JSON for the terminal", 64 * KIB, printableJson);
readers.addFilled(
  "push rule",
  64 * KIB,
  (text) => readPushRules([text]),
  (text) => `/${text}=/${text}`,
);
