/**
 * Keeps what is copied inside the folder that it is meant for. What a container
 * sends is not to be trusted: its tar may be anybody's.
 *
 * @module
 */

import { CopyError } from "./error.ts";

/** The parent and the name of a path in a container. */
export interface RemotePath {
  /** Folder in which tar works. */
  readonly folder: string;
  /** The last component; `"."` for a whole folder such as `/`. */
  readonly base: string;
}

/** Divides a path in a container. */
export function splitRemote(path: string): RemotePath {
  const trimmed = path.replace(/\/+$/, "");
  if (trimmed === "") return { folder: path === "" ? "." : "/", base: "." };
  const slash = trimmed.lastIndexOf("/");
  const base = trimmed.slice(slash + 1);
  if (base === "." || base === "..") return { folder: trimmed, base: "." };
  const folder = slash < 0 ? "." : slash === 0 ? "/" : trimmed.slice(0, slash);
  return { folder, base };
}

/**
 * Components of an entry's name below what was asked for: none for that itself.
 *
 * Throws {@linkcode CopyError} for a name that is not below it. Rule: that is no
 * mistake but an attack (CVE-2018-1002100, CVE-2019-11249), and ends the copy.
 */
export function componentsBelow(name: string, base: string): string[] {
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  const isOutside = name.startsWith("/") || parts.includes("..") ||
    name.includes("\0") ||
    Deno.build.os === "windows" && /[\\:]/.test(name);
  const own = base === "." ? parts : parts.slice(1);
  if (isOutside || base !== "." && parts[0] !== base) {
    throw new CopyError(
      `the container's tar sent ${
        JSON.stringify(name)
      }, which is not below what was asked for`,
    );
  }
  return own;
}

/**
 * Whether a symbolic link leads to something inside the copied folder. `parts` is
 * the place of the link below that folder.
 *
 * Rule: ".." may only come first in the target. There it is certain where it leads,
 * since folders that were copied are not links. Behind a name it is not, as that
 * name may be another link.
 */
export function staysInside(parts: readonly string[], target: string): boolean {
  if (target === "" || target.startsWith("/") || /[\0\\]/.test(target)) {
    return false;
  }
  const steps = target.split("/").filter((step) => step !== "" && step !== ".");
  const up = steps.findIndex((step) => step !== "..");
  const rises = up < 0 ? steps.length : up;
  return rises < parts.length && !steps.slice(rises).includes("..");
}
