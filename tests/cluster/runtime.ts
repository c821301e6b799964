/**
 * A containerd of this run alone: it has its own folders, socket and cgroup, and
 * nothing of them is left afterwards. It touches neither the machine's containerd
 * nor any setting of the kernel.
 *
 * @module
 */

import { delay } from "../deps.ts";
import {
  attach,
  type AttachOptions,
  exec,
  portForward,
  type PortForwarder,
  type PortForwardOptions,
  type RemoteProcess,
} from "../../kubernetes/mod.ts";
import type { CommandOptions, Containers, Streams } from "./containers.ts";
import { makeImages, PAUSE_IMAGE } from "./images.ts";
import { OptionalToolError, playProgram } from "../interop/peers.ts";
import { killStarted, type Run, socketIn } from "./runs.ts";

/** Longest start of containerd, ms. */
const START_TIMEOUT = 60_000;

/** The messages of a kernel, or of a container around this one, that forbids containers. */
const FORBIDDEN =
  /operation not permitted|permission denied|read-only file system|cgroup|not supported|no such device/i;

/** A sandbox and the container in it. */
export interface Pod {
  readonly sandbox: string;
  readonly container: string;
}

/** containerd, started by {@linkcode startRuntime}. */
export class Runtime implements Containers<Pod>, AsyncDisposable {
  readonly #run: Run;
  readonly #cri: string;
  #process: Deno.ChildProcess | undefined;
  #pods = 0;

  /** `cri` is the program with which it is called. */
  constructor(run: Run, cri: string) {
    this.#run = run;
    this.#cri = cri;
  }

  /** Its process. */
  get pid(): number {
    if (this.#process === undefined) throw new Error("containerd has ended");
    return this.#process.pid;
  }

  /** Processes whose descriptors are counted. */
  get processes(): Readonly<Record<string, number>> {
    return { containerd: this.pid };
  }

  /** The path of its socket. */
  get socket(): string {
    return socketIn(this.#run.folder);
  }

  /** Starts it, with the state of an earlier start if there is one. */
  async start(): Promise<void> {
    this.#process = await this.#run.start("containerd", [
      "--config",
      `${this.#run.folder}/config.toml`,
    ]);
    const end = Date.now() + START_TIMEOUT;
    for (;;) {
      const { code, stderr } = await this.#call("version");
      if (code === 0) return;
      if (Date.now() > end) {
        throw new Error(`containerd does not answer: ${stderr}`);
      }
      await delay(200);
    }
  }

  /** Kills it, whatever it is doing. The containers continue to run. */
  async kill(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    await killStarted(process);
  }

  /** Its version. */
  async version(): Promise<string> {
    return (await this.ask("version")).split(/[~+]/, 1)[0];
  }

  /** Imports an archive of images. */
  async importImages(archive: string): Promise<void> {
    const { code, stderr } = await playProgram("ctr", [
      "--address",
      this.socket,
      "--namespace",
      "k8s.io",
      "images",
      "import",
      "--snapshotter",
      "native",
      archive,
    ]);
    if (code === 0) return;
    throw failure("the images were not imported", stderr);
  }

  /** Starts a pod with one container. */
  async runPod(
    command: readonly string[] = ["/bin/sleep", "100000"],
    streams: Streams = "",
  ): Promise<Pod> {
    const name = `pod-${this.#pods++}`;
    const args = [`run${streams}`, name, `/${this.#run.cgroup}`, ...command];
    const { code, stdout, stderr } = await this.#call(...args);
    if (code !== 0) throw failure("no container was started", stderr);
    return JSON.parse(stdout);
  }

  /** A URL at which `command` of a container can be run once. */
  async execUrl(
    { container }: Pod,
    command: readonly string[],
    streams: Streams = "",
  ): Promise<string> {
    return await this.ask(`exec${streams}`, container, ...command);
  }

  /** Runs a command in a container. */
  async exec(
    pod: Pod,
    command: readonly string[],
    options: CommandOptions = {},
  ): Promise<RemoteProcess> {
    const url = await this.execUrl(pod, command, streamsOf(options));
    return await exec({ ...options, url });
  }

  /** Attaches to a container. */
  async attach(
    { container }: Pod,
    options: Omit<AttachOptions, "url" | "pod"> = {},
  ): Promise<RemoteProcess> {
    const url = await this.ask(`attach${streamsOf(options)}`, container);
    return await attach({ ...options, url });
  }

  /** Opens a session for connections to ports of a pod. */
  async portForward(
    { sandbox }: Pod,
    options: Omit<PortForwardOptions, "url" | "pod"> = {},
  ): Promise<PortForwarder> {
    const url = await this.ask("port-forward", sandbox);
    return await portForward({ ...options, url });
  }

  /** Stops a container: SIGTERM, and SIGKILL a second later. */
  async stop({ container }: Pod): Promise<void> {
    await this.ask("stop", container, "1");
  }

  /** Calls the runtime; resolves to its answer, throws if the answer is an error. */
  async ask(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.#call(...args);
    if (code !== 0) throw new Error(`cri ${args[0]}: ${stderr}`);
    return stdout.trim();
  }

  /**
   * Removes the pods, ends containerd and everything it started, and reverts the
   * changes of the run.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process !== undefined) {
      const listed = await this.#call("list");
      const sandboxes: string[] = listed.code === 0
        ? JSON.parse(listed.stdout)
        : [];
      for (const sandbox of sandboxes) await this.#call("remove", sandbox);
      await this.kill();
    }
    // This also reverts what a fault has left.
    await this.#run[Symbol.asyncDispose]();
  }

  #call(
    ...args: string[]
  ): Promise<{ code: number; stdout: string; stderr: string }> {
    return playProgram(this.#cri, [this.socket, ...args], { timeout: 60_000 });
  }
}

/**
 * Starts containerd with the images it needs. `cri` is the program with which it
 * is called, and `run` is reverted with it. Throws `OptionalToolError` if the
 * kernel forbids containers.
 */
export async function startRuntime(
  cri: string,
  run: Run,
): Promise<Runtime> {
  const { folder } = run;
  const runtime = new Runtime(run, cri);
  try {
    for (const name of ["root", "state", "cni", "opt", "images"]) {
      await Deno.mkdir(`${folder}/${name}`);
    }
    await Deno.writeTextFile(`${folder}/config.toml`, configuration(folder));
    // A kubelet does not become ready without a network for pods, even if no
    // pod uses one.
    await Deno.writeTextFile(
      `${folder}/cni/none.conflist`,
      JSON.stringify({
        cniVersion: "0.3.1",
        name: "none",
        plugins: [{ type: "loopback" }],
      }),
    );
    const archive = await makeImages(`${folder}/images`);
    await runtime.start();
    await runtime.importImages(archive);
    return runtime;
  } catch (error) {
    await runtime[Symbol.asyncDispose]();
    throw error;
  }
}

function streamsOf(
  { stdin = false, tty = false }: Pick<AttachOptions, "stdin" | "tty">,
): Streams {
  const letters = (stdin ? "i" : "") + (tty ? "t" : "");
  return letters === "" ? "" : `-${letters}` as Streams;
}

/** The output of a program that failed: its last line has the reason. */
function failure(what: string, printed: string): Error {
  const message = `${what}: ${printed.trim().split("\n").at(-1)}`;
  return FORBIDDEN.test(message)
    ? new OptionalToolError(`SKIPPED, the kernel forbids it: ${message}`)
    : new Error(message);
}

/** The snapshotter copies files, so it does not need a file system with overlays. */
function configuration(folder: string): string {
  return `version = 2
root = "${folder}/root"
state = "${folder}/state"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.overlayfs",
  "io.containerd.snapshotter.v1.zfs",
]

[grpc]
  address = "${folder}/containerd.sock"

[plugins."io.containerd.internal.v1.opt"]
  path = "${folder}/opt"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  disable_apparmor = true
  restrict_oom_score_adj = true

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${folder}/cni"
    conf_dir = "${folder}/cni"

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        Root = "${folder}/runc"
        SystemdCgroup = false
`;
}
