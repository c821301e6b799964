/**
 * `spdy serve`: serves the files of a directory.
 *
 * @module
 */

import { serve as serveSpdy } from "../http/server/serve.ts";
import type { ServeHandler } from "../http/server/serve_options.ts";
import { accessLog, withAccessLog } from "./access_log.ts";
import { type Command, EXIT_OK, reasonOf, UsageError } from "./command.ts";
import { defineCommand } from "./help.ts";
import {
  LISTEN_OPTIONS,
  listeningUrl,
  readListenOptions,
  runServers,
} from "./listen.ts";
import { readOptions } from "./options.ts";
import { type FileHandler, staticFiles } from "./static_files.ts";
import { print, printError, red, show } from "./terminal.ts";

const OPTIONS = [
  ...LISTEN_OPTIONS,
  {
    name: "push",
    value: '"A=B,C"',
    repeated: true,
    help: "push B and C along with A; may be repeated",
  },
] as const;

/** `spdy serve DIR` */
export const serve: Command = defineCommand({
  name: "serve",
  summary: "serve the files of a directory",
  usage: "[OPTION...] [DIR]",
  about:
    "Serves the files below DIR (default: the working directory), with content types, ranges, entity tags and listings. Sends FILE.br or FILE.gz instead of FILE to clients that accept it. Reads nothing outside of DIR.",
  options: OPTIONS,
  notes:
    "Ctrl-C finishes the requests under way and ends. Permissions: --allow-net to listen, --allow-read for DIR and the certificate.",
  async run(args: string[]): Promise<number> {
    const parsed = readOptions(args, OPTIONS);
    const { positionals } = parsed;
    if (positionals.length > 1) {
      throw new UsageError("serve takes one directory");
    }
    const [directory = "."] = positionals;
    const options = await readListenOptions(parsed);
    const { version, flowControl, log } = options;
    const rules = readPushRules(parsed.lists.push);
    const handler = withAccessLog(
      withPush(await staticFiles(directory), rules),
      accessLog(log),
      failed,
    );
    await runServers(options, (address, certificate) => {
      const scheme = certificate === undefined ? "spdy" : "spdys";
      return serveSpdy({
        ...address,
        ...certificate,
        version,
        flowControl,
        upgrade: certificate === undefined,
        onError: failed,
        onListen: (addr: Deno.NetAddr): void =>
          print(show`Serving ${directory} at ${listeningUrl(addr, scheme)}`),
      }, handler);
    });
    return EXIT_OK;
  },
});

/** The paths that are pushed with each path. */
export type PushRules = ReadonlyMap<string, readonly string[]>;

/** Parses `--push "A=B,C"`. */
export function readPushRules(rules: readonly string[]): PushRules {
  return new Map(rules.map((rule) => {
    const [path, pushed, ...rest] = rule.split("=");
    const paths = (pushed ?? "").split(",").map((name) => name.trim()).filter(
      Boolean,
    );
    const named = [path, ...paths];
    if (
      rest.length > 0 || paths.length === 0 ||
      !named.every((name) => /^\/(?![/\\])/.test(name))
    ) {
      throw new UsageError(
        `--push "${rule}": write it as "/page=/style.css,/script.js"`,
      );
    }
    return [path, paths];
  }));
}

/** Pushes according to the rules. A push that fails does not affect its page. */
function withPush(handler: FileHandler, rules: PushRules): ServeHandler {
  return async (request, info): Promise<Response> => {
    const { pathname } = new URL(request.url);
    const pushed = request.method === "GET" ? rules.get(pathname) ?? [] : [];
    // A push must be announced before the client reads a reference to it (draft
    // 3.3.1).
    await Promise.allSettled(pushed.map((path) => info.push(path)));
    return await handler(request);
  };
}

/** Reports an error of the handler, and creates the response to its request. */
function failed(error: unknown): Response {
  printError(show`${red("spdy:")} ${reasonOf(error)}`);
  return new Response("the server failed\n", { status: 500 });
}
