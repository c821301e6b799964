/**
 * etcd and the API server.
 *
 * @module
 */

import { delay } from "../deps.ts";
import type { Credentials } from "./credentials.ts";
import { killStarted, type Run } from "./runs.ts";

/** Longest start, ms. */
const START_TIMEOUT = 120_000;
/** Longest answer of the API server, ms. */
const ANSWER_TIMEOUT = 30_000;

/** An object of the API. */
// deno-lint-ignore no-explicit-any
export type ApiObject = Record<string, any>;

/** etcd and the API server, started by {@linkcode startControlPlane}. */
export class ControlPlane {
  readonly #run: Run;
  readonly #program: string;
  readonly #credentials: Credentials;
  readonly #etcd: string;
  readonly #port: number;
  readonly #client: Deno.HttpClient;
  #process: Deno.ChildProcess | undefined;

  /** `etcd` is the URL at which it listens. */
  constructor(
    run: Run,
    program: string,
    credentials: Credentials,
    etcd: string,
  ) {
    this.#run = run;
    this.#program = program;
    this.#credentials = credentials;
    this.#etcd = etcd;
    this.#port = freePort();
    this.#client = Deno.createHttpClient({
      caCerts: [credentials.caCert],
      ...credentials.admin,
    });
  }

  /** Its URL. */
  get url(): string {
    return `https://127.0.0.1:${this.#port}`;
  }

  /** The API server's process. */
  get pid(): number {
    if (this.#process === undefined) throw new Error("no API server runs");
    return this.#process.pid;
  }

  /** Starts the API server, and waits until it is ready. */
  async start(): Promise<void> {
    const { file } = this.#credentials;
    const options = {
      "etcd-servers": this.#etcd,
      "bind-address": "127.0.0.1",
      "secure-port": this.#port,
      "advertise-address": "127.0.0.1",
      "endpoint-reconciler-type": "none",
      "service-account-issuer": this.url,
      "service-account-signing-key-file": file("accounts.key"),
      "service-account-key-file": file("accounts.pub"),
      "service-cluster-ip-range": "10.99.0.0/24",
      "tls-cert-file": file("server.pem"),
      "tls-private-key-file": file("server.key"),
      "client-ca-file": file("ca.pem"),
      "token-auth-file": file("tokens.csv"),
      "authorization-mode": "Node,RBAC",
      // No service accounts, because the controllers that create them do not
      // run.
      "disable-admission-plugins": "ServiceAccount",
      "kubelet-client-certificate": file("kubelet-client.pem"),
      "kubelet-client-key": file("kubelet-client.key"),
      "kubelet-certificate-authority": file("ca.pem"),
      "kubelet-preferred-address-types": "Hostname",
    };
    this.#process = await this.#run.start(
      this.#program,
      Object.entries(options).map(([name, value]) => `--${name}=${value}`),
    );
    await until("the API server is ready", async () => {
      const response = await this.#fetch("/readyz");
      return await response.text() === "ok";
    });
  }

  /** Kills the API server, whatever it is doing. */
  async kill(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    await killStarted(process);
  }

  /** Reads an object. */
  async get(path: string): Promise<ApiObject> {
    return await this.#call("GET", path);
  }

  /** Creates an object in a collection. */
  async create(path: string, object: ApiObject): Promise<ApiObject> {
    return await this.#call("POST", path, object);
  }

  /** Deletes an object; processes that belong to it have `seconds` to end. */
  async delete(path: string, seconds: number): Promise<void> {
    await this.#call("DELETE", path, { gracePeriodSeconds: seconds });
  }

  async #call(
    method: string,
    path: string,
    object?: ApiObject,
  ): Promise<ApiObject> {
    const body = object === undefined ? undefined : JSON.stringify(object);
    const response = await this.#fetch(path, { method, body });
    const answer = await response.json();
    if (response.ok) return answer;
    throw new Error(`${method} ${path}: ${answer.message}`);
  }

  #fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, {
      ...init,
      client: this.#client,
      headers: { "content-type": "application/json" },
      signal: AbortSignal.timeout(ANSWER_TIMEOUT),
    });
  }
}

/** Starts etcd and the API server. */
export async function startControlPlane(
  run: Run,
  program: string,
  credentials: Credentials,
): Promise<ControlPlane> {
  const [client, peer] = [freePort(), freePort()]
    .map((port) => `http://127.0.0.1:${port}`);
  const options = {
    "data-dir": `${run.folder}/etcd`,
    "listen-client-urls": client,
    "advertise-client-urls": client,
    "listen-peer-urls": peer,
    "initial-advertise-peer-urls": peer,
    "initial-cluster": `default=${peer}`,
  };
  await run.start(
    "etcd",
    Object.entries(options).map(([name, value]) => `--${name}=${value}`),
  );
  await until("etcd is healthy", async () => {
    const response = await fetch(`${client}/health`);
    return (await response.json()).health === "true";
  });
  const controlPlane = new ControlPlane(run, program, credentials, client);
  await controlPlane.start();
  return controlPlane;
}

/** Waits until the condition is true. An error counts as not yet true. */
export async function until(
  what: string,
  isSo: () => Promise<boolean>,
  timeout: number = START_TIMEOUT,
): Promise<void> {
  const end = Date.now() + timeout;
  let reason: unknown = "not yet";
  for (;;) {
    try {
      if (await isSo()) return;
      reason = "not yet";
    } catch (error) {
      reason = error;
    }
    if (Date.now() > end) {
      throw new Error(`waited ${timeout / 1000} s until ${what}: ${reason}`);
    }
    await delay(100);
  }
}

/** A port of the loopback interface on which nothing listens. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
