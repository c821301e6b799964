/**
 * Answers requests with the files below one directory: types, ranges, entity
 * tags, listings.
 *
 * @module
 */

import {
  contentType,
  escapeHtml,
  eTag,
  formatBytes,
  ifNoneMatch,
} from "../deps.ts";

/** A handler of requests, as `serve` takes it. */
export type FileHandler = (request: Request) => Promise<Response>;

/** What an answer came from; a link out of the directory is as good as missing. */
interface Found {
  readonly path: string;
  readonly info: Deno.FileInfo;
}

/**
 * Makes a handler for the files below `directory`. Nothing outside of it is
 * ever read, by `..`, by an absolute path, or through a symbolic link.
 */
export async function staticFiles(directory: string): Promise<FileHandler> {
  const root = await Deno.realPath(directory);
  return async (request: Request): Promise<Response> => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      await request.body?.cancel();
      return new Response("only GET and HEAD\n", {
        status: 405,
        headers: { allow: "GET, HEAD" },
      });
    }
    const url = new URL(request.url);
    const path = localPath(url.pathname);
    const found = path === undefined ? undefined : await find(root, path);
    if (found === undefined) {
      return new Response("not found\n", { status: 404 });
    }
    if (!found.info.isDirectory) return await fileResponse(request, found);
    if (!url.pathname.endsWith("/")) {
      return new Response(null, {
        status: 301,
        headers: { location: `${url.pathname}/${url.search}` },
      });
    }
    const index = await find(root, `${path}/index.html`);
    if (index?.info.isFile) return await fileResponse(request, index);
    return await listing(request, found.path, url.pathname);
  };
}

/** The path below the root that a URL's path names; `undefined` when it names none. */
function localPath(pathname: string): string | undefined {
  let decoded: string;
  try {
    decoded = decodeURIComponent(pathname);
  } catch {
    return undefined;
  }
  // A backslash separates on Windows, a NUL ends the name for the system call.
  if (/[\\\0]/.test(decoded)) return undefined;
  const parts = decoded.split("/").filter((part) =>
    part !== "" && part !== "."
  );
  return parts.includes("..") ? undefined : parts.join("/");
}

async function find(root: string, path: string): Promise<Found | undefined> {
  try {
    const real = await Deno.realPath(`${root}/${path}`);
    if (
      real !== root && !real.startsWith(root + (root.endsWith("/") ? "" : "/"))
    ) return undefined;
    const info = await Deno.stat(real);
    return info.isFile || info.isDirectory ? { path: real, info } : undefined;
  } catch (error) {
    if (
      error instanceof Deno.errors.PermissionDenied ||
      error instanceof Deno.errors.NotCapable
    ) throw error;
    return undefined;
  }
}

async function fileResponse(
  request: Request,
  { path, info }: Found,
): Promise<Response> {
  const headers = new Headers({
    "accept-ranges": "bytes",
    "content-type": contentType(extension(path)) ?? "application/octet-stream",
  });
  const tag = await eTag(info);
  if (tag) headers.set("etag", tag);
  if (info.mtime) headers.set("last-modified", info.mtime.toUTCString());
  if (isUnchanged(request, tag, info)) {
    return new Response(null, { status: 304, headers });
  }
  const range = requestedRange(request, info.size);
  if (range === "unsatisfiable") {
    return new Response(null, {
      status: 416,
      headers: { "content-range": `bytes */${info.size}` },
    });
  }
  const { begin, end } = range ?? { begin: 0, end: info.size };
  headers.set("content-length", String(end - begin));
  if (range) {
    headers.set("content-range", `bytes ${begin}-${end - 1}/${info.size}`);
  }
  const body = request.method === "HEAD" || end === begin
    ? null
    : await readRange(path, begin, end);
  return new Response(body, { status: range ? 206 : 200, headers });
}

function isUnchanged(
  request: Request,
  tag: string | undefined,
  info: Deno.FileInfo,
): boolean {
  const noneMatch = request.headers.get("if-none-match");
  // If-None-Match takes precedence over If-Modified-Since (RFC 9110, 13.2.2).
  if (noneMatch !== null) return !ifNoneMatch(noneMatch, tag);
  const since = Date.parse(request.headers.get("if-modified-since") ?? "");
  // HTTP dates have whole seconds.
  return info.mtime !== null &&
    Math.floor(info.mtime.getTime() / 1000) * 1000 <= since;
}

/** One range of bytes, `end` exclusive (RFC 9110, 14.1.2); several ranges are answered with the whole. */
function requestedRange(
  request: Request,
  size: number,
): { begin: number; end: number } | "unsatisfiable" | undefined {
  if (request.headers.has("if-range")) return undefined;
  const match = /^bytes=(\d*)-(\d*)$/.exec(request.headers.get("range") ?? "");
  if (!match || (match[1] === "" && match[2] === "")) return undefined;
  const [, first, last] = match;
  const begin = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === ""
    ? size
    : Math.min(size, Number(last) + 1);
  if (first !== "" && last !== "" && Number(last) < Number(first)) {
    return undefined;
  }
  return begin >= size ? "unsatisfiable" : { begin, end };
}

async function readRange(
  path: string,
  begin: number,
  end: number,
): Promise<ReadableStream<Uint8Array>> {
  const file = await Deno.open(path);
  if (begin > 0) await file.seek(begin, Deno.SeekMode.Start);
  let left = end - begin;
  return file.readable.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller): void {
        controller.enqueue(
          chunk.length <= left ? chunk : chunk.subarray(0, left),
        );
        left -= Math.min(left, chunk.length);
        if (left === 0) controller.terminate();
      },
    }),
  );
}

function extension(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return name.includes(".") ? name.slice(name.lastIndexOf(".")) : "";
}

async function listing(
  request: Request,
  path: string,
  pathname: string,
): Promise<Response> {
  const entries = await Array.fromAsync(Deno.readDir(path));
  entries.sort((a, b) =>
    Number(b.isDirectory) - Number(a.isDirectory) ||
    a.name.localeCompare(b.name)
  );
  const rows: string[] = pathname === "/"
    ? []
    : [`<tr><td><a href="../">../</a><td>`];
  for (const { name, isDirectory } of entries) {
    const slash = isDirectory ? "/" : "";
    const size = isDirectory ? "" : await Deno.stat(`${path}/${name}`).then(
      (info) => formatBytes(info.size),
      () => "",
    );
    const link = `${encodeURIComponent(name)}${slash}`;
    rows.push(
      `<tr><td><a href="./${link}">${escapeHtml(name)}${slash}</a><td>${size}`,
    );
  }
  const title = escapeHtml(decodeURIComponent(pathname));
  const html = `<!doctype html>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>body{font:16px/1.5 system-ui;margin:2em}td{padding-right:2em}</style>
<h1>${title}</h1>
<table>
${rows.join("\n")}
</table>
`;
  return new Response(request.method === "HEAD" ? null : html, {
    headers: { "content-type": "text/html; charset=utf-8" },
  });
}
