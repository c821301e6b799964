/**
 * Credential plugins: programs that print credentials
 * (`client.authentication.k8s.io/v1` and `v1beta1`).
 *
 * @module
 */

import { dirname, resolve } from "node:path";
import { collect } from "../../bytes.ts";
import {
  date,
  startTimeout,
  startTimer,
  stopTimer,
} from "../../connection/time/clock.ts";
import type { Field } from "./document.ts";
import { isHeaderValue } from "./header_value.ts";
import type { Cluster, Plugin } from "./schema.ts";

/** What a plugin printed. */
export interface PluginCredential {
  readonly token?: string;
  /** Certificate chain (PEM). */
  readonly cert?: string;
  /** Private key (PEM). */
  readonly key?: string;
  /** Time at which it expires, ms since 1970; `undefined`: not before this process ends. */
  readonly expires?: number;
}

/** The information about a cluster that a plugin gets with `provideClusterInfo`. */
export interface PluginCluster {
  readonly cluster: Cluster;
  readonly server: string;
  /** Certificates of the cluster's authority (PEM). */
  readonly caCert?: string;
}

const API_VERSIONS = [
  "client.authentication.k8s.io/v1",
  "client.authentication.k8s.io/v1beta1",
];
/** Most bytes of a plugin's standard output; a credential has a few thousand. */
const MAX_OUTPUT = 1024 * 1024;
/** Most characters of a plugin's standard error in an error message. */
const MAX_COMPLAINT = 2048;
/** Most values of the cluster's extension that are passed to a plugin. */
const MAX_CONFIG_VALUES = 10_000;
/** Time between asking a plugin to end and killing it, ms. */
const KILL_AFTER = 2000;

/**
 * Runs a plugin. `timeout` is its longest run, ms; 0: no limit.
 *
 * Throws `KubeConfigError` if the plugin cannot be run, fails, takes too long or
 * prints too much, and if its output is not a credential.
 */
export async function runPlugin(
  plugin: Plugin,
  info: PluginCluster,
  timeout: number,
): Promise<PluginCredential> {
  const apiVersion = plugin.apiVersion.text();
  if (!API_VERSIONS.includes(apiVersion)) {
    throw plugin.apiVersion.error(
      `version ${apiVersion} of credential plugins is not supported; known are ${
        API_VERSIONS.join(" and ")
      }`,
    );
  }
  const terminal = Deno.stdin.isTerminal();
  if (plugin.interactiveMode === "Always" && !terminal) {
    throw plugin.field.error(
      "the credential plugin needs a terminal on standard input, but there is none",
    );
  }
  const interactive = terminal && plugin.interactiveMode !== "Never";
  const child = start(
    plugin,
    interactive,
    await execInfo(plugin, info, interactive),
  );
  const output = await outputOf(child, plugin, interactive, timeout);
  return await readCredential(output, apiVersion, plugin.command);
}

function start(
  plugin: Plugin,
  interactive: boolean,
  info: string,
): Deno.ChildProcess {
  const { field } = plugin;
  try {
    return new Deno.Command(commandOf(plugin), {
      args: [...plugin.args],
      env: {
        ...Object.fromEntries(plugin.env),
        KUBERNETES_EXEC_INFO: info,
      },
      stdin: interactive ? "inherit" : "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (cause) {
    const { message } = cause as Error;
    const hint = cause instanceof Deno.errors.NotFound
      ? plugin.installHint
      : undefined;
    throw field.error(
      `the credential plugin ${plugin.command.text()} cannot be run: ${message}${
        hint === undefined ? "" : `\n\n${hint.trim()}`
      }`,
      cause,
    );
  }
}

/**
 * A name without a separator is looked up in PATH; a path with one starts at the
 * folder of the file.
 */
function commandOf({ command, field }: Plugin): string {
  const text = command.text();
  if (!/[\\/]/.test(text)) return text;
  const { file } = field.place;
  return resolve(file === undefined ? "." : dirname(resolve(file)), text);
}

async function execInfo(
  plugin: Plugin,
  { cluster, server, caCert }: PluginCluster,
  interactive: boolean,
): Promise<string> {
  const info = plugin.provideClusterInfo
    ? {
      server,
      "tls-server-name": cluster.serverName?.text(),
      "certificate-authority-data": caCert &&
        new TextEncoder().encode(caCert).toBase64(),
      "proxy-url": cluster.proxyUrl?.text(),
      config: cluster.pluginConfig && await bounded(cluster.pluginConfig),
    }
    : undefined;
  return JSON.stringify({
    kind: "ExecCredential",
    apiVersion: plugin.apiVersion.text(),
    spec: { cluster: info, interactive },
  });
}

/**
 * The value of a field, with a limit, because aliases of YAML can expand a short
 * text without end.
 */
async function bounded(field: Field): Promise<unknown> {
  let left = MAX_CONFIG_VALUES;
  const visit = (value: unknown): void => {
    if (--left < 0) {
      throw field.error(
        `it has more than ${MAX_CONFIG_VALUES} values`,
      );
    }
    if (typeof value === "object" && value !== null) {
      Object.values(value).forEach(visit);
    }
  };
  const value = await field.typed();
  visit(value);
  return value;
}

/** Waits until a plugin has ended; resolves to its output. */
async function outputOf(
  child: Deno.ChildProcess,
  plugin: Plugin,
  interactive: boolean,
  timeout: number,
): Promise<string> {
  const name = plugin.command.text();
  const broken = Promise.withResolvers<never>();
  broken.promise.catch(() => {});
  const giveUp = (message: string): Error => {
    const error = plugin.field.error(
      `the credential plugin ${name} ${message}`,
    );
    broken.reject(error);
    end(child);
    return error;
  };
  const timer = startTimeout(
    () => giveUp(`has not ended after ${timeout} ms`),
    timeout,
  );
  const stdout = collect(
    child.stdout,
    MAX_OUTPUT,
    () => giveUp(`printed more than ${MAX_OUTPUT} bytes`),
  );
  // Shown without a terminal on standard input, too: many plugins print an address
  // that the user must open in a browser.
  const stderr = complaint(
    child.stderr,
    interactive || Deno.stderr.isTerminal(),
  );
  try {
    const [status, output] = await Promise.race([
      Promise.all([child.status, stdout]),
      broken.promise,
    ]);
    if (status.success) return new TextDecoder().decode(output);
    const text = (await Promise.race([stderr, broken.promise])).trim();
    throw plugin.field.error(
      `the credential plugin ${name} ended with exit code ${status.code}${
        text === "" ? "" : `: ${text}`
      }`,
    );
  } finally {
    stopTimer(timer);
    // A program that the plugin started in the background may keep an output open.
    // Without `unref`, this process could not exit before it.
    child.unref();
  }
}

/** Ends a plugin. */
function end(child: Deno.ChildProcess): void {
  const kill = (signal: Deno.Signal): void => {
    try {
      child.kill(signal);
    } catch {
      // It has already ended.
    }
  };
  kill("SIGTERM");
  const timer = startTimer(() => kill("SIGKILL"), KILL_AFTER);
  child.status.finally(() => stopTimer(timer));
}

/** The end of a plugin's standard error; if it is `shown`, it is also copied to this process's own. */
async function complaint(
  stream: ReadableStream<Uint8Array>,
  shown: boolean,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    if (shown) await show(chunk);
    text = (text + decoder.decode(chunk, { stream: true }))
      .slice(-MAX_COMPLAINT);
  }
  return text;
}

/** Writes to this process's standard error. Never rejects. */
async function show(bytes: Uint8Array): Promise<void> {
  try {
    // Each write may take only a part.
    for (let rest = bytes; rest.length > 0;) {
      rest = rest.subarray(await Deno.stderr.write(rest));
    }
  } catch {
    // The reader of this process's standard error, such as a pager, has ended. The
    // plugin does not need it.
  }
}

/** Reads an ExecCredential. Error messages must not contain any of it, because it is secret. */
async function readCredential(
  output: string,
  apiVersion: string,
  command: Field,
): Promise<PluginCredential> {
  const wrong = (what: string, cause?: unknown): Error =>
    command.error(`the credential plugin ${command.text()} ${what}`, cause);
  let value: unknown;
  try {
    value = await parseOutput(output);
  } catch (cause) {
    // The parser's message quotes the text, which is secret.
    throw wrong("printed neither JSON nor YAML", (cause as Error).name);
  }
  const credential = objectIn(value);
  if (credential?.kind !== "ExecCredential") {
    throw wrong("did not print an ExecCredential");
  }
  if (credential.apiVersion !== apiVersion) {
    throw wrong(
      `printed a credential of version ${
        JSON.stringify(credential.apiVersion)
      }, not ${apiVersion}`,
    );
  }
  const status = objectIn(credential.status);
  if (status === undefined) throw wrong("printed no status");
  const text = (name: string): string | undefined => {
    const field = status[name];
    if (field === undefined || field === null || field === "") return undefined;
    if (typeof field === "string") return field;
    throw wrong(`printed a status whose ${name} is not a string`);
  };
  const token = text("token");
  const cert = text("clientCertificateData");
  const key = text("clientKeyData");
  if ((cert === undefined) !== (key === undefined)) {
    throw wrong("printed only one of clientCertificateData and clientKeyData");
  }
  if (token === undefined && cert === undefined) {
    throw wrong("printed neither a token nor a client certificate");
  }
  if (token !== undefined && !isHeaderValue(token)) {
    throw wrong(
      "printed a token with a control character or a space at an end",
    );
  }
  const expiration = text("expirationTimestamp");
  const expires = expiration === undefined ? undefined : Date.parse(expiration);
  if (Number.isNaN(expires)) {
    throw wrong("printed an expirationTimestamp that is not a time");
  }
  return { token, cert, key, expires };
}

/** JSON, or YAML, which kubectl also accepts. */
async function parseOutput(output: string): Promise<unknown> {
  try {
    return JSON.parse(output);
  } catch (error) {
    const { parseAllYaml } = await import("../../deps.ts");
    const [value] = parseAllYaml(output, { schema: "failsafe" }) as unknown[];
    // Any text is valid YAML, but only a map can be a credential.
    if (objectIn(value) === undefined) throw error;
    return value;
  }
}

function objectIn(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null
    ? value as Record<string, unknown>
    : undefined;
}

/** Shortest time between two runs for credentials that are never accepted, ms. */
const RUN_AGAIN = 300_000;

/** Runs a plugin again only after its credential has expired or was not accepted. */
export class PluginCache {
  #running: Promise<PluginCredential> | undefined;
  #expires = Infinity;
  /** Before this time, ms, a refusal does not make the plugin run again. */
  #mayForgetAt = -Infinity;

  /** The current credential. Simultaneous calls share one run. */
  get(run: () => Promise<PluginCredential>): Promise<PluginCredential> {
    const isExpired = date() >= this.#expires;
    if (isExpired) this.#mayForgetAt = -Infinity;
    if (this.#running === undefined || isExpired) {
      this.#expires = Infinity;
      const running = run();
      this.#running = running;
      running.then(({ expires = Infinity }) => {
        if (this.#running === running) this.#expires = expires;
      }, () => {
        if (this.#running === running) this.#running = undefined;
      });
    }
    return this.#running;
  }

  /** The API server accepted a credential. */
  accepted(running: Promise<PluginCredential>): void {
    if (this.#running === running) this.#mayForgetAt = -Infinity;
  }

  /**
   * The API server refused a credential: it is dropped, and the next `get` runs the
   * plugin again. A newer one is kept, because several requests can have used the old
   * one. If the new one is refused as well, it is kept until `RUN_AGAIN` after the
   * first refusal: a port-forward retries for ever, and would otherwise run the plugin
   * each time, which may ask its user each time.
   */
  refused(running: Promise<PluginCredential>): void {
    const time = date();
    if (this.#running !== running || time < this.#mayForgetAt) return;
    this.#mayForgetAt = time + RUN_AGAIN;
    this.#running = undefined;
  }
}
