/**
 * `spdy get`: fetches URLs over one connection for each server.
 *
 * @module
 */

import { type Command, EXIT_FAILURE, EXIT_OK } from "./command.ts";
import { GET_OPTIONS, readGetOptions } from "./get/options.ts";
import { Run } from "./get/run.ts";
import { defineCommand } from "./help.ts";

/** `spdy get URL...` */
export const get: Command = defineCommand({
  name: "get",
  summary: "fetch URLs, showing frames and timing on request",
  usage: "[OPTION...] URL...",
  about:
    `Fetches each URL and writes its body to standard output. URLs of one server
share one connection.

  spdy://host:port/path           plain TCP
  spdys://host/path, https://...  TLS; ALPN agrees on SPDY
  spdy+upgrade://host:port/path   upgrade from HTTP/1.1
  spdys+upgrade://host/path       the same over TLS`,
  options: GET_OPTIONS,
  notes:
    `An interrupted download is not resumed: -C and --continue are refused. Ask for
the rest with -H "range: bytes=N-".

Permissions: --allow-net for the servers, --allow-read and --allow-write for the
files named, --allow-env for --keylog. A Deno program cannot turn off the
verification of certificates by itself, so --insecure needs
"deno run --unsafely-ignore-certificate-errors" as well.`,
  async run(args: string[]): Promise<number> {
    const { options, targets } = await readGetOptions(args);
    const results = await new Run(options).fetchAll(targets);
    return results.every((ok) => ok) ? EXIT_OK : EXIT_FAILURE;
  },
});
