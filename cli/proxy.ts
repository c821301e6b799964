/**
 * `spdy proxy`: SPDY in front of an HTTP server, or HTTP in front of a SPDY
 * server.
 *
 * @module
 */

import { Client } from "../http/client/client.ts";
import { serve } from "../http/server/serve.ts";
import { accessLog, withAccessLog } from "./access_log.ts";
import { type Command, EXIT_OK, readSeconds, UsageError } from "./command.ts";
import { defineCommand } from "./help.ts";
import {
  LISTEN_OPTIONS,
  listeningUrl,
  type ListenOptions,
  readListenOptions,
  runServers,
} from "./listen.ts";
import { readOptions } from "./options.ts";
import { readCertificates } from "./pem.ts";
import { inFrontOfHttp } from "./proxy/in_front_of_http.ts";
import { inFrontOfSpdy } from "./proxy/in_front_of_spdy.ts";
import { failedAnswer, type ProxyRules } from "./proxy/rules.ts";
import { openTarget, readTarget } from "./target.ts";
import { print, show } from "./terminal.ts";

/** Longest wait for the head of a response from the server behind the proxy, seconds. */
const DEFAULT_TIMEOUT = "60";

const OPTIONS = [
  ...LISTEN_OPTIONS,
  {
    name: "ca",
    value: "FILE",
    help: "certificates (PEM) to trust besides the usual ones",
  },
  {
    name: "preserve-host",
    help: "forward the host that the client asked for, not that of URL",
  },
  {
    name: "rewrite-redirects",
    help: "change redirects to URL into redirects to the proxy",
  },
  {
    name: "timeout",
    value: "SECONDS",
    help:
      `longest wait for the head of an answer; default ${DEFAULT_TIMEOUT}; 0: no limit`,
  },
] as const;

/** `spdy proxy URL` */
export const proxy: Command = defineCommand({
  name: "proxy",
  summary: "SPDY in front of an HTTP server, or the other way round",
  usage: "[OPTION...] URL",
  about: `URL names the server behind the proxy: scheme, host and port.

  http://, https://
      an HTTP server: the proxy speaks SPDY to clients
  spdy://, spdys://, spdy+upgrade://, spdys+upgrade://
      a SPDY server: the proxy speaks HTTP/1.1 to clients,
      so any browser or curl can use it`,
  options: OPTIONS,
  notes:
    `The proxy passes bodies on without decoding them. x-forwarded-for, -host, -proto
and forwarded name the client. If the server cannot be reached, the answer is
502; if it is too slow, 504. Upgrades, such as WebSockets, need "spdy proxy" at
both ends of the SPDY connection; otherwise the answer is 501.

Ctrl-C finishes the requests under way and ends. Permissions: --allow-net,
--allow-read for the files named.`,
  async run(args: string[]): Promise<number> {
    const parsed = readOptions(args, OPTIONS);
    const { values, flags, positionals } = parsed;
    if (positionals.length !== 1) throw new UsageError("proxy needs one URL");
    const behind = positionals[0];
    const options = await readListenOptions(parsed);
    const rules: ProxyRules = {
      behind,
      isTls: options.certificate !== undefined,
      preserveHost: flags["preserve-host"],
      rewriteRedirects: flags["rewrite-redirects"],
      timeout: readSeconds("--timeout", values.timeout ?? DEFAULT_TIMEOUT),
    };
    const ca = values.ca === undefined
      ? undefined
      : [await readCertificates(values.ca)];
    if (/^https?:/.test(behind)) await toHttp(options, rules, ca);
    else await toSpdy(options, rules, ca, values.version);
    return EXIT_OK;
  },
});

async function toHttp(
  options: ListenOptions,
  rules: ProxyRules,
  ca: string[] | undefined,
): Promise<void> {
  const { behind } = rules;
  const { version, flowControl, log } = options;
  const url = URL.parse(behind);
  if (url === null) throw new UsageError(`"${behind}" is not a URL`);
  const { handler, close } = inFrontOfHttp(url, rules, ca);
  const onError = (error: unknown): Response => failedAnswer(error, rules);
  const logged = withAccessLog(handler, accessLog(log), onError);
  const scheme = rules.isTls ? "spdys" : "spdy";
  await runServers(options, (address, certificate) =>
    serve({
      ...address,
      ...certificate,
      version,
      flowControl,
      upgrade: !rules.isTls,
      onError,
      onListen: (addr: Deno.NetAddr): void =>
        print(show`SPDY at ${listeningUrl(addr, scheme)} for ${behind}`),
    }, logged));
  close();
}

async function toSpdy(
  options: ListenOptions,
  rules: ProxyRules,
  caCerts: string[] | undefined,
  version: string | undefined,
): Promise<void> {
  const target = readTarget(rules.behind, ["http:"]);
  await using client = new Client({
    connect: () => openTarget(target, { version, caCerts }),
  });
  const scheme = rules.isTls ? "https" : "http";
  const log = accessLog(options.log);
  await runServers(options, async (address, certificate) => {
    const front = await inFrontOfSpdy(
      client,
      new URL(target.url).origin,
      { ...address, certificate },
      rules,
      log,
    );
    print(
      show`HTTP at ${listeningUrl(front.addr, scheme)} for ${rules.behind}`,
    );
    return front;
  });
}
