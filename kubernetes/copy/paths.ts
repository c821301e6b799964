/**
 * Keeps a copy inside its folder. The names from a container cannot be trusted,
 * because its tar may have been replaced.
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

/** Splits a path in a container. */
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
 * The components of an entry's name below `base`; none for `base` itself.
 *
 * Throws {@linkcode CopyError} for a name that is not below `base`. Rule: such a
 * name is an attack (CVE-2018-1002100, CVE-2019-11249), and ends the copy.
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
      }, which is not below the requested path`,
    );
  }
  return own;
}

/**
 * Whether a symbolic link leads to a place inside the copied folder. `parts` is the
 * path of the link below that folder.
 *
 * Rule: ".." is only allowed at the beginning of the target. There its result is
 * certain, because copied folders are not links. After a name it is not, because
 * that name may be another link.
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
