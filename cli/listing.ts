/**
 * Directory listings in HTML. The names of a directory are read at most once in
 * {@linkcode KEPT_MS} and kept for that time. A page has {@linkcode PAGE_ENTRIES}
 * of them, and only the sizes of these are read. A listing therefore costs about
 * the same for any size of the directory and any number of requests.
 *
 * @module
 */

import { constants } from "node:fs";
import { lstat, open, realpath } from "node:fs/promises";
import { escapeHtml, formatBytes } from "../deps.ts";
import {
  COMPARISONS,
  type FoundDirectory,
  isMissing,
  openBelow,
  placeOf,
} from "./open_below.ts";
import { printable } from "./terminal.ts";

/** Names on a page. */
export const PAGE_ENTRIES = 500;
/** Most names of one directory that are listed. */
export const MOST_ENTRIES = 100_000;
/** How long a listing is reused, ms. */
const KEPT_MS = 2000;
/** Most directories, and most pages, that are kept. */
const MOST_KEPT = 16;

interface Entry {
  readonly name: string;
  readonly isDirectory: boolean;
  readonly isLink: boolean;
}

interface Names {
  readonly entries: readonly Entry[];
  /** Number of names beyond {@linkcode MOST_ENTRIES}. */
  readonly left: number;
}

/** Lists directories below a root directory. */
export class Listings {
  readonly #root: string;
  readonly #names = new ShortMemory<Names | undefined>();
  readonly #pages = new ShortMemory<string | undefined>();

  /** `root` is a path without symbolic links. */
  constructor(root: string) {
    this.#root = root;
  }

  /**
   * Page `page` (1 is the first) of a directory, whose URL has the names `parts`;
   * `undefined` if there is no such page.
   */
  page(
    directory: FoundDirectory,
    parts: readonly string[],
    page: number,
  ): Promise<string | undefined> {
    const { path, stamp } = directory;
    const key = JSON.stringify([page, stamp, path, parts]);
    return this.#pages.get(key, () => this.#write(directory, parts, page));
  }

  async #write(
    directory: FoundDirectory,
    parts: readonly string[],
    page: number,
  ): Promise<string | undefined> {
    const names = await this.#names.get(
      `${directory.stamp} ${directory.path}`,
      () => readNames(directory),
    );
    if (names === undefined) return undefined;
    const { entries } = names;
    const pages = Math.max(1, Math.ceil(entries.length / PAGE_ENTRIES));
    if (page > pages) return undefined;
    const shown = entries.slice((page - 1) * PAGE_ENTRIES, page * PAGE_ENTRIES);
    const rows: string[] = parts.length === 0
      ? []
      : [`<tr><td><a href="../">../</a><td>`];
    rows.push(
      ...(await Promise.all(shown.map(async (entry) => {
        const slash = entry.isDirectory ? "/" : "";
        const link = `${encodeURIComponent(entry.name.toWellFormed())}${slash}`;
        const size = await this.#size(directory.path, entry);
        if (size === undefined) return [];
        return [
          `<tr><td><a href="./${link}">${
            escapeHtml(printable(entry.name))
          }${slash}</a><td>${size}`,
        ];
      }))).flat(),
    );
    return html(parts, rows, { page, pages, left: names.left });
  }

  /**
   * The size of a file, also if the entry is a link to a file below the root.
   * `undefined` if no URL can name the entry, because its name is not UTF-8.
   */
  async #size(directory: string, entry: Entry): Promise<string | undefined> {
    const doubtful = isDoubtful(entry.name);
    if (entry.isDirectory && !doubtful) return "";
    const path = `${directory}/${entry.name}`;
    try {
      if (!entry.isLink || doubtful) {
        const info = await lstat(path);
        if (!entry.isLink) return info.isFile() ? formatBytes(info.size) : "";
      }
      const found = await openBelow(
        this.#root,
        path.slice(this.#root.length),
      );
      if (found?.kind !== "file") return "";
      await found.handle.close();
      return formatBytes(found.size);
    } catch (error) {
      return doubtful && isMissing(error) ? undefined : "";
    }
  }
}

/** Whether a name may not be UTF-8. Such a name is read with U+FFFD, and leads to no file. */
function isDoubtful(name: string): boolean {
  return name.includes("\ufffd");
}

/** The names in a directory; `undefined` if it was moved. */
async function readNames(
  directory: FoundDirectory,
): Promise<Names | undefined> {
  const found = await readDirectory(directory.path);
  if (found === undefined) return undefined;
  const entries = found.slice(0, MOST_ENTRIES);
  // Not by locale, which takes twenty times as long.
  entries.sort((a, b) =>
    Number(b.isDirectory) - Number(a.isDirectory) ||
    (a.name < b.name ? -1 : Number(a.name > b.name))
  );
  return { entries, left: found.length - entries.length };
}

async function readDirectory(
  path: string,
): Promise<Entry[] | undefined> {
  // If the directory is replaced by a link between the check and the reading, the
  // link must not be followed: only the directory that was checked is read.
  const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;
  if (Deno.build.os === "linux") {
    const handle = await open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      const place = await placeOf(handle);
      if (place !== undefined) {
        return place === path
          ? await entriesOf(`/proc/self/fd/${handle.fd}`)
          : undefined;
      }
    } finally {
      await handle.close();
    }
  }
  const entries = await entriesOf(path);
  return await areOf(path, entries) ? entries : undefined;
}

/**
 * Whether `entries` were read from the directory `path`, which has no links in it.
 * Used if the system does not tell which directory was read. An attacker would have to
 * replace the directory at the right moment twice in each comparison.
 */
async function areOf(
  path: string,
  entries: readonly Entry[],
): Promise<boolean> {
  const named = entries.filter(({ name }) => !isDoubtful(name));
  for (let round = 0; round < COMPARISONS; round++) {
    if (named.length > 0) {
      await lstat(`${path}/${named[round % named.length].name}`);
    }
    if (await realpath(path) !== path) return false;
  }
  return true;
}

async function entriesOf(path: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  // Not by node:fs, which takes twice as long.
  for await (const { name, isDirectory, isSymlink } of Deno.readDir(path)) {
    entries.push({ name, isDirectory, isLink: isSymlink });
  }
  return entries;
}

function html(
  parts: readonly string[],
  rows: readonly string[],
  { page, pages, left }: { page: number; pages: number; left: number },
): string {
  const title = escapeHtml(printable(["", ...parts, ""].join("/")));
  const link = (to: number, text: string): string =>
    to < 1 || to > pages ? "" : `<a href="?page=${to}">${text}</a> `;
  const pager = pages === 1
    ? ""
    : `<p>${link(page - 1, "previous")}page ${page} of ${pages} ${
      link(page + 1, "next")
    }`;
  const rest = left === 0 ? "" : `<p>${left} more names are not listed`;
  return `<!doctype html>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>body{font:16px/1.5 system-ui;margin:2em}td{padding-right:2em}</style>
<h1>${title}</h1>
<table>
${rows.join("\n")}
</table>
${pager}${rest}
`;
}

/** Keeps the last results for a short time. Simultaneous requests share one result. */
class ShortMemory<T> {
  readonly #kept = new Map<string, { value: Promise<T>; until: number }>();

  get(key: string, make: () => Promise<T>): Promise<T> {
    const now = performance.now();
    const kept = this.#kept.get(key);
    if (kept !== undefined && now < kept.until) return kept.value;
    for (const [key, { until }] of this.#kept) {
      if (until <= now || this.#kept.size >= MOST_KEPT) this.#kept.delete(key);
    }
    const value = make();
    this.#kept.set(key, { value, until: now + KEPT_MS });
    value.catch(() => this.#kept.delete(key));
    return value;
  }
}
