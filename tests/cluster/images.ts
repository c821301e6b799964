/**
 * An image for containers, without a registry: busybox in an archive like those
 * of `docker save`. Pod sandboxes use the same image.
 *
 * @module
 */

import { encodeHex } from "../deps.ts";
import { playProgram, requireTool } from "../interop/peers.ts";

/** The name of the image for containers; `cri` uses the same. */
export const BOX_IMAGE = "spdy.test/box:1";
/** The name of the image of pod sandboxes. */
export const PAUSE_IMAGE = "spdy.test/pause:1";

/** The names of processors in images. */
const ARCHITECTURES: Readonly<Record<typeof Deno.build.arch, string>> = {
  x86_64: "amd64",
  aarch64: "arm64",
};

/** Writes the archive into `folder`, and resolves to its path. */
export async function makeImages(folder: string): Promise<string> {
  await makeRoot(`${folder}/rootfs`);
  await run("tar", [
    "--create",
    `--file=${folder}/layer.tar`,
    `--directory=${folder}/rootfs`,
    "--owner=0",
    "--group=0",
    "--mtime=@0",
    ".",
  ]);
  const layer = await Deno.readFile(`${folder}/layer.tar`);
  const digest = encodeHex(await crypto.subtle.digest("SHA-256", layer));
  const created = "2026-01-01T00:00:00Z";
  await writeJson(`${folder}/config.json`, {
    architecture: ARCHITECTURES[Deno.build.arch],
    os: "linux",
    created,
    config: {
      Env: ["PATH=/bin"],
      Cmd: ["/bin/sleep", "2147483647"],
      WorkingDir: "/",
    },
    rootfs: { type: "layers", diff_ids: [`sha256:${digest}`] },
    history: [{ created }],
  });
  await writeJson(`${folder}/manifest.json`, [{
    Config: "config.json",
    RepoTags: [BOX_IMAGE, PAUSE_IMAGE],
    Layers: ["layer.tar"],
  }]);
  const archive = `${folder}/images.tar`;
  await run("tar", [
    "--create",
    `--file=${archive}`,
    `--directory=${folder}`,
    "manifest.json",
    "config.json",
    "layer.tar",
  ]);
  return archive;
}

/** A root folder: busybox, its commands as symlinks, and the folders that a container mounts. */
async function makeRoot(root: string): Promise<void> {
  for (const name of ["bin", "dev", "proc", "sys", "etc", "tmp", "root"]) {
    await Deno.mkdir(`${root}/${name}`, { recursive: true });
  }
  const busybox = (await requireTool("sh", ["-c", "command -v busybox"]))
    .trim();
  await Deno.copyFile(busybox, `${root}/bin/busybox`);
  const { stdout } = await playProgram(busybox, ["--list"]);
  for (const name of stdout.split("\n")) {
    if (name === "" || name === "busybox") continue;
    await Deno.symlink("busybox", `${root}/bin/${name}`);
  }
  await Deno.writeTextFile(
    `${root}/etc/passwd`,
    "root:x:0:0:root:/root:/bin/sh\n",
  );
  await Deno.writeTextFile(`${root}/etc/group`, "root:x:0:\n");
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await Deno.writeTextFile(path, JSON.stringify(value));
}

async function run(program: string, args: string[]): Promise<void> {
  const { code, stderr } = await playProgram(program, args);
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${stderr}`);
}
