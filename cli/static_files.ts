/**
 * Answers requests with the files below a directory: content types, ranges, entity
 * tags, listings.
 *
 * @module
 */

import { contentType, eTag } from "../deps.ts";
import { preferredCoding } from "./accept_encoding.ts";
import { isOtherVersion, isUnchanged } from "./conditional.ts";
import { Listings } from "./listing.ts";
import {
  type FoundDirectory,
  isMissing,
  openBelow,
  type OpenFile,
  SEPARATOR,
} from "./open_below.ts";
import {
  type BodyPart,
  contentRange,
  multipart,
  requestedRanges,
} from "./ranges.ts";

/** A handler of requests for `serve`. */
export type FileHandler = (request: Request) => Promise<Response>;

/** Bytes of one read from a file. */
const READ_SIZE = 65536;

/**
 * Creates a handler for the files below `directory`. It never reads anything
 * outside of it, through `..`, an absolute path or a symbolic link, and reads only
 * regular files.
 */
export async function staticFiles(directory: string): Promise<FileHandler> {
  const root = await Deno.realPath(directory);
  if (!(await Deno.stat(root)).isDirectory) {
    throw new Error(
      `${directory} is not a directory; serve the directory that contains it`,
    );
  }
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
      // An encoded slash, as in "/%2F", also means the root, to which no redirect is
      // needed.
      const slash = parts.length === 0 || url.pathname.endsWith("/");
      if (found.kind === "file") {
        if (!slash) return await fileOf(request, root, parts, found);
        // A path that ends with a slash means a directory.
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
      // The file was removed or replaced during the request.
      if (isMissing(error)) return notFound();
      if (!isForbidden(error)) throw error;
      return plain(403, "forbidden\n");
    }
  };
}

/** The decoded names in a URL's path; `undefined` if it cannot be a path. */
function partsOf(pathname: string): string[] | undefined {
  let decoded: string;
  try {
    decoded = decodeURIComponent(pathname);
  } catch {
    return undefined;
  }
  // A NUL ends the name for the system call. On Windows, a backslash separates names,
  // and a colon begins another stream of the file; elsewhere, both are part of a name.
  if (decoded.includes("\0")) return undefined;
  if (Deno.build.os === "windows" && /[\\:]/.test(decoded)) return undefined;
  const parts = decoded.split("/").filter((part) =>
    part !== "" && part !== "."
  );
  return parts.includes("..") ? undefined : parts;
}

/**
 * Whether the permissions of the file forbid reading it. Missing permissions of
 * Deno are reported as errors.
 */
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

/** Redirects to a path on this server. A path `//name` of the client, unchanged, would name another server. */
function redirect(parts: readonly string[], search: string): Response {
  const location = `/${parts.map(encodeURIComponent).join("/")}/${search}`;
  return new Response(null, { status: 301, headers: { location } });
}

/** Suffixes of precompressed files beside the original file, the preferred one first. */
const CODINGS = [["br", ".br"], ["gzip", ".gz"]] as const;
type Coding = typeof CODINGS[number][0];

/** The file, or a precompressed one that the client accepts. */
async function fileOf(
  request: Request,
  root: string,
  parts: readonly string[],
  file: OpenFile,
): Promise<Response> {
  const type = contentType(extension(file.path)) ?? "application/octet-stream";
  const headers = new Headers({ "content-type": type });
  const coded = new Map<Coding, OpenFile>();
  try {
    for (const [coding, suffix] of CODINGS) {
      const found = await openFile(root, parts.join("/") + suffix);
      if (found !== undefined) coded.set(coding, found);
    }
  } catch (error) {
    // Most likely too many files are open, and each one that stays open adds to that.
    for (const { handle } of [file, ...coded.values()]) await handle.close();
    throw error;
  }
  if (coded.size === 0) return await fileResponse(request, file, headers);
  headers.set("vary", "accept-encoding");
  const coding = preferredCoding(
    request.headers.get("accept-encoding"),
    [...coded.keys()],
  );
  const chosen = coding === undefined ? undefined : coded.get(coding);
  if (coding !== undefined) headers.set("content-encoding", coding);
  for (const other of [file, ...coded.values()]) {
    if (other !== (chosen ?? file)) await other.handle.close();
  }
  return await fileResponse(request, chosen ?? file, headers);
}

/** Opens a file below the root; `undefined` if it is not a file or cannot be read. */
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
    if (isOtherVersion(request.headers, { mtime })) {
      return new Response(null, { status: 412 });
    }
    if (isUnchanged(request.headers, { tag, mtime })) {
      return new Response(null, { status: 304, headers });
    }
    const ranges = rangesOf(request, size, headers);
    if (ranges === "unsatisfiable") {
      return new Response(null, {
        status: 416,
        headers: { "content-range": `bytes */${size}` },
      });
    }
    const [first = { begin: 0, end: size }] = ranges ?? [];
    let parts: readonly BodyPart[] = [first];
    let length = first.end - first.begin;
    if (ranges !== undefined && ranges.length > 1) {
      const type = headers.get("content-type") ?? "";
      const body = multipart(ranges, { type, size });
      ({ parts, length } = body);
      headers.set("content-type", body.contentType);
    } else if (ranges !== undefined) {
      headers.set("content-range", contentRange(first, size));
    }
    headers.set("content-length", String(length));
    kept = request.method !== "HEAD" && length > 0;
    return new Response(kept ? readParts(file, parts) : null, {
      status: ranges === undefined ? 200 : 206,
      headers,
    });
  } finally {
    if (!kept) await handle.close();
  }
}

/** The ranges to send, or what {@linkcode requestedRanges} returns in their place. */
function rangesOf(
  { method, headers: asked }: Request,
  size: number,
  headers: Headers,
): ReturnType<typeof requestedRanges> {
  // Only GET has ranges; with other methods they must be ignored (RFC 9110, 14.2).
  if (method !== "GET") return undefined;
  const ranges = requestedRanges(asked, size);
  // A client that undoes `content-encoding` would decode the text between the ranges
  // as well.
  const isMixed = headers.has("content-encoding") && ranges !== undefined &&
    ranges.length > 1 && ranges !== "unsatisfiable";
  return isMixed ? undefined : ranges;
}

/** A body of these parts, one after the other; closes the file after them. */
function readParts(
  { handle, path }: OpenFile,
  parts: readonly BodyPart[],
): ReadableStream<Uint8Array> {
  let index = 0;
  let at = 0;
  const nextChunk = async (): Promise<Uint8Array> => {
    const part = parts[index];
    if (part instanceof Uint8Array) {
      index++;
      return part;
    }
    const { begin, end } = part;
    const wanted = Math.min(READ_SIZE, end - begin - at);
    const chunk = new Uint8Array(wanted);
    const { bytesRead } = await handle.read(chunk, 0, wanted, begin + at);
    if (bytesRead === 0) {
      throw new Error(
        `${path} became shorter than ${end} bytes while it was served: only ${
          begin + at
        } bytes could be read`,
      );
    }
    at += bytesRead;
    if (at === end - begin) {
      index++;
      at = 0;
    }
    return chunk.subarray(0, bytesRead);
  };
  return new ReadableStream<Uint8Array>({
    async pull(controller): Promise<void> {
      try {
        controller.enqueue(await nextChunk());
      } catch (error) {
        await handle.close();
        throw error;
      }
      if (index < parts.length) return;
      await handle.close();
      controller.close();
    },
    async cancel(): Promise<void> {
      await handle.close();
    },
  }, { highWaterMark: 0 });
}

/** The extension of the file with this resolved path, such as `.html`; `""` if it has none. */
export function extension(path: string, separator: string = SEPARATOR): string {
  const name = path.slice(path.lastIndexOf(separator) + 1);
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
  const bytes = new TextEncoder().encode(page);
  return new Response(request.method === "HEAD" ? null : bytes, {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-length": String(bytes.length),
    },
  });
}
