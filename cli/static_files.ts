/**
 * Answers requests with the files below one directory: types, ranges, entity
 * tags, listings.
 *
 * @module
 */

import { acceptsEncodings, contentType, eTag } from "../deps.ts";
import { isUnchanged, requestedRange } from "./conditional.ts";
import { Listings } from "./listing.ts";
import {
  type FoundDirectory,
  isMissing,
  openBelow,
  type OpenFile,
} from "./open_below.ts";

/** A handler of requests, as `serve` takes it. */
export type FileHandler = (request: Request) => Promise<Response>;

/** Bytes read of a file at a time. */
const READ_SIZE = 65536;

/**
 * Makes a handler for the files below `directory`. Nothing outside of it is
 * ever read, by `..`, by an absolute path, or through a symbolic link, and
 * nothing but ordinary files.
 */
export async function staticFiles(directory: string): Promise<FileHandler> {
  const root = await Deno.realPath(directory);
  const listings = new Listings(root);
  return async (request: Request): Promise<Response> => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      await request.body?.cancel();
      return plain(405, "only GET and HEAD\n", { allow: "GET, HEAD" });
    }
    const url = new URL(request.url);
    const parts = partsOf(url.pathname);
    if (parts === undefined) return notFound();
    try {
      const found = await openBelow(root, parts.join("/"));
      if (found === undefined) return notFound();
      const slash = url.pathname.endsWith("/");
      if (found.kind === "file") {
        if (!slash) return await fileOf(request, root, parts, found);
        // A name that ends with a slash is a directory's.
        await found.handle.close();
        return notFound();
      }
      if (!slash) return redirect(parts, url.search);
      const page = [...parts, "index.html"];
      const index = await openBelow(root, page.join("/"));
      if (index?.kind === "file") {
        return await fileOf(request, root, page, index);
      }
      return await listing(request, found, parts, listings);
    } catch (error) {
      // It went, or became something else, while it was looked at.
      if (isMissing(error)) return notFound();
      if (!isForbidden(error)) throw error;
      return plain(403, "forbidden\n");
    }
  };
}

/** The names on a URL's path, decoded; `undefined` when it names nothing. */
function partsOf(pathname: string): string[] | undefined {
  let decoded: string;
  try {
    decoded = decodeURIComponent(pathname);
  } catch {
    return undefined;
  }
  // A NUL ends the name for the system call, a backslash separates on Windows
  // and is part of a name elsewhere.
  if (decoded.includes("\0")) return undefined;
  if (Deno.build.os === "windows" && decoded.includes("\\")) return undefined;
  const parts = decoded.split("/").filter((part) =>
    part !== "" && part !== "."
  );
  return parts.includes("..") ? undefined : parts;
}

/** The file's own rights say no; what Deno does not allow is the user's to know. */
function isForbidden(error: unknown): boolean {
  return error instanceof Error && "code" in error &&
    (error.code === "EACCES" || error.code === "EPERM");
}

function plain(
  status: number,
  text: string,
  headers: Record<string, string> = {},
): Response {
  return new Response(text, { status, headers });
}

function notFound(): Response {
  return plain(404, "not found\n");
}

/** To a path on this server: `//name`, as the client may have written it, would be another. */
function redirect(parts: readonly string[], search: string): Response {
  const location = `/${parts.map(encodeURIComponent).join("/")}/${search}`;
  return new Response(null, { status: 301, headers: { location } });
}

/** Precompressed files, which lie beside the file that they hold, the preferred one first. */
const CODINGS = [["br", ".br"], ["gzip", ".gz"]] as const;

/** The file, or a precompressed one beside it that the client accepts. */
async function fileOf(
  request: Request,
  root: string,
  parts: readonly string[],
  file: OpenFile,
): Promise<Response> {
  const type = contentType(extension(file.path)) ?? "application/octet-stream";
  const headers = new Headers({ "content-type": type });
  for (const [coding, suffix] of CODINGS) {
    const coded = await openFile(root, parts.join("/") + suffix);
    if (coded === undefined) continue;
    headers.set("vary", "accept-encoding");
    if (accepts(request, coding)) {
      await file.handle.close();
      headers.set("content-encoding", coding);
      return await fileResponse(request, coded, headers);
    }
    await coded.handle.close();
  }
  return await fileResponse(request, file, headers);
}

/** Without `accept-encoding` a client may take any coding (RFC 9110, 12.5.3), but few that send none do. */
function accepts(request: Request, coding: string): boolean {
  const accepted = request.headers.get("accept-encoding") ?? "";
  return accepted.trim() !== "" &&
    acceptsEncodings(request, coding, "identity") === coding;
}

/** A file below the root; `undefined` for anything else, and for one that cannot be read. */
async function openFile(
  root: string,
  path: string,
): Promise<OpenFile | undefined> {
  try {
    const found = await openBelow(root, path);
    return found?.kind === "file" ? found : undefined;
  } catch (error) {
    if (isMissing(error) || isForbidden(error)) return undefined;
    throw error;
  }
}

async function fileResponse(
  request: Request,
  file: OpenFile,
  headers: Headers,
): Promise<Response> {
  const { handle, size, mtime } = file;
  let kept = false;
  try {
    const tag = await eTag({ size, mtime });
    headers.set("accept-ranges", "bytes");
    headers.set("last-modified", mtime.toUTCString());
    if (tag) headers.set("etag", tag);
    if (isUnchanged(request.headers, { tag, mtime })) {
      return new Response(null, { status: 304, headers });
    }
    const range = requestedRange(request.headers, size);
    if (range === "unsatisfiable") {
      return new Response(null, {
        status: 416,
        headers: { "content-range": `bytes */${size}` },
      });
    }
    const { begin, end } = range ?? { begin: 0, end: size };
    headers.set("content-length", String(end - begin));
    if (range) {
      headers.set("content-range", `bytes ${begin}-${end - 1}/${size}`);
    }
    kept = request.method !== "HEAD" && end > begin;
    return new Response(kept ? readRange(file, begin, end) : null, {
      status: range ? 206 : 200,
      headers,
    });
  } finally {
    if (!kept) await handle.close();
  }
}

/** The bytes from `begin` to `end` (exclusive); closes the file behind them. */
function readRange(
  { handle, path }: OpenFile,
  begin: number,
  end: number,
): ReadableStream<Uint8Array> {
  let at = begin;
  return new ReadableStream<Uint8Array>({
    async pull(controller): Promise<void> {
      const wanted = Math.min(READ_SIZE, end - at);
      try {
        const chunk = new Uint8Array(wanted);
        const { bytesRead } = await handle.read(chunk, 0, wanted, at);
        if (bytesRead === 0) {
          throw new Error(
            `${path} was cut to ${at} bytes or fewer while it was served up to byte ${end}`,
          );
        }
        at += bytesRead;
        controller.enqueue(chunk.subarray(0, bytesRead));
      } catch (error) {
        await handle.close();
        throw error;
      }
      if (at < end) return;
      await handle.close();
      controller.close();
    },
    async cancel(): Promise<void> {
      await handle.close();
    },
  }, { highWaterMark: 0 });
}

function extension(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return name.includes(".") ? name.slice(name.lastIndexOf(".")) : "";
}

async function listing(
  request: Request,
  directory: FoundDirectory,
  parts: readonly string[],
  listings: Listings,
): Promise<Response> {
  const asked = new URL(request.url).searchParams.get("page") ?? "1";
  const page = /^[1-9]\d{0,5}$/.test(asked)
    ? await listings.page(directory, parts, Number(asked))
    : undefined;
  if (page === undefined) return notFound();
  return new Response(request.method === "HEAD" ? null : page, {
    headers: { "content-type": "text/html; charset=utf-8" },
  });
}
