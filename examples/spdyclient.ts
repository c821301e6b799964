/**
 * A client on `Session` alone, with an I/O loop of its own over `Deno.Conn`, like the
 * example client of python-spdylay. It requests all URLs of one server at once, and
 * prints headers and bodies when they arrive.
 *
 *     deno run --allow-net examples/spdyclient.ts http://127.0.0.1:3000/ http://127.0.0.1:3000/notfound
 *     deno run --allow-net examples/spdyclient.ts https://example.org/
 *
 * `http` means SPDY/3.1 on plain TCP; with `https` ALPN picks the version.
 *
 * @module
 */

import {
  CLIENT,
  getNpnProtocols,
  GOAWAY_OK,
  HEADERS,
  type NameValue,
  npnGetVersion,
  PROTO_SPDY3_1,
  type ProtocolVersion,
  Session,
  SYN_REPLY,
} from "../mod.ts";

const urls = Deno.args.map((text) => new URL(text));
if (urls.length === 0 || urls.some(({ origin }) => origin !== urls[0].origin)) {
  console.error("usage: spdyclient.ts URL...   (all of one server)");
  Deno.exit(2);
}

const { conn, version } = await dial(urls[0]);
const outgoing: Uint8Array[] = [];
let open = urls.length;

const session = new Session(CLIENT, version, {
  send(_session, data) {
    // The session reuses the memory of these bytes after this call.
    outgoing.push(data.slice());
    return data.length;
  },
  onCtrlRecv(_session, frame) {
    if (frame.frameType === SYN_REPLY || frame.frameType === HEADERS) {
      console.log(`Stream#${frame.streamId}`);
      for (const [name, value] of frame.nv) console.log(`${name}: ${value}`);
    }
  },
  onDataChunkRecv(_session, _flags, streamId, data) {
    console.log(`Stream#${streamId}`);
    Deno.stdout.writeSync(data);
  },
  onStreamClose(session, streamId, statusCode) {
    console.log(`Stream#${streamId} closed, status ${statusCode}`);
    if (--open === 0) session.submitGoaway(GOAWAY_OK);
  },
});

for (const url of urls) session.submitRequest(0, requestFor(url));
await run();

/** The loop: sends and receives bytes until every stream has closed. */
async function run(): Promise<void> {
  using _closing = conn;
  const buffer = new Uint8Array(16 * 1024);
  for (;;) {
    session.send();
    for (const bytes of outgoing.splice(0)) await writeAll(conn, bytes);
    if (open === 0) return;
    const size = await conn.read(buffer);
    if (size === null) throw new Error(`the server left ${open} streams open`);
    session.recv(buffer.subarray(0, size));
  }
}

async function dial(
  url: URL,
): Promise<{ conn: Deno.Conn; version: ProtocolVersion }> {
  const { hostname } = url;
  if (url.protocol === "http:") {
    const conn = await Deno.connect({ hostname, port: Number(url.port || 80) });
    return { conn, version: PROTO_SPDY3_1 };
  }
  const conn = await Deno.connectTls({
    hostname,
    port: Number(url.port || 443),
    alpnProtocols: getNpnProtocols(),
  });
  const { alpnProtocol } = await conn.handshake();
  const version = npnGetVersion(alpnProtocol ?? "");
  if (version === 0) throw new Error(`${url.host} speaks no version of SPDY`);
  return { conn, version };
}

function requestFor(url: URL): NameValue[] {
  return [
    [":method", "GET"],
    [":scheme", url.protocol.slice(0, -1)],
    [":host", url.host],
    [":path", url.pathname + url.search],
    [":version", "HTTP/1.1"],
    ["user-agent", "spdyclient"],
  ];
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += await conn.write(bytes.subarray(done));
  }
}
