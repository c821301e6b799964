/** Options that are an object of a class, whose getters and methods no spread copies. */

import {
  accept,
  Client,
  connect,
  Connection,
  connectUpgrade,
  serve,
  serveConnection,
} from "../../mod.ts";
import { coreOf } from "../../connection.ts";
import { CLIENT } from "../../session/constants.ts";
import { PROTO_SPDY3_1 } from "../../frame/constants.ts";
import { assertEquals, assertRejects } from "../deps.ts";
import { makeCertificate } from "../helpers/certificate.ts";
import { memoryStreams } from "../helpers/connections.ts";
import { assertFetchFails } from "../helpers/http.ts";

const handler = () => new Response("x");
const quiet = { hostname: "127.0.0.1", port: 0, onListen() {} };

/** Options of a connection; `limits` is read and `onFrame` called if they are used. */
class Tuning {
  get limits(): { maxConcurrentStreams: number } {
    return { maxConcurrentStreams: 3 };
  }
  onFrame(): void {
    frames++;
  }
}

let frames = 0;

/** Whether `onFrame` was called since the last time. */
function wasSeen(): boolean {
  const seen = frames > 0;
  frames = 0;
  return seen;
}

/** Another end of a pipe, on which requests are answered. */
function answered(): ReturnType<typeof memoryStreams>[0] {
  const [left, right] = memoryStreams();
  serveConnection(right, handler);
  return left;
}

Deno.test("serve: onConnection and limits of a class are used", async () => {
  class Options extends Tuning {
    port = 0;
    hostname = "127.0.0.1";
    onListen(): void {}
    onConnection(): boolean {
      asked++;
      return false;
    }
    get maxConnections(): number {
      return 1;
    }
  }
  let asked = 0;
  await using server = serve(new Options(), handler);
  await using client = await connect({ port: server.addr.port });
  await assertFetchFails(() => client.fetch("/"), Error);
  assertEquals(asked, 1);
  assertEquals(client.peerSettings.get(4), 3);
  assertEquals(wasSeen(), true);
});

Deno.test("serveConnection: onError and limits of a class are used", async () => {
  class Options extends Tuning {
    onError(): Response {
      return new Response("mended");
    }
  }
  const [left, right] = memoryStreams();
  serveConnection(right, new Options(), () => {
    throw new Error("no page");
  });
  await using client = new Connection(left, {
    side: CLIENT,
    version: PROTO_SPDY3_1,
    origin: "http://h",
  });
  assertEquals(await (await client.fetch("/")).text(), "mended");
  assertEquals(client.peerSettings.get(4), 3);
  assertEquals(wasSeen(), true);
});

Deno.test("serve: a change of the options after the check has no effect", async () => {
  const options = { ...quiet, onConnection: (): unknown => undefined };
  await using server = serve(options, handler);
  options.onConnection = () => false;
  await using client = await connect({ port: server.addr.port });
  assertEquals((await client.fetch("/")).status, 200);
});

Deno.test("new Connection, connect and Client: options of a class are used", async () => {
  class Required extends Tuning {
    readonly side = CLIENT;
    get version(): typeof PROTO_SPDY3_1 {
      return PROTO_SPDY3_1;
    }
    get origin(): string {
      return "http://h";
    }
  }
  await using connection = new Connection(answered(), new Required());
  assertEquals(await (await connection.fetch("/")).text(), "x");
  assertEquals(coreOf(connection).options.limits.maxConcurrentStreams, 3);
  assertEquals(wasSeen(), true);

  class Dialled extends Tuning {
    dial(): Promise<ReturnType<typeof answered>> {
      return Promise.resolve(answered());
    }
  }
  class Connected extends Dialled {
    get port(): number {
      return 1;
    }
  }
  await using connected = await connect(new Connected());
  assertEquals(await (await connected.fetch("/")).text(), "x");
  assertEquals(coreOf(connected).options.limits.maxConcurrentStreams, 3);
  assertEquals(wasSeen(), true);

  await using client = new Client(new Dialled());
  assertEquals(await (await client.fetch("http://h/")).text(), "x");
  assertEquals(wasSeen(), true);
});

Deno.test("accept: options of a class are used", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const { port } = listener.addr as Deno.NetAddr;
  await using client = await connect({ port });
  await using connection = await accept(await accepted, new Tuning());
  await client.ping();
  assertEquals(coreOf(connection).options.limits.maxConcurrentStreams, 3);
  assertEquals(wasSeen(), true);
});

Deno.test("connectUpgrade: options of a class are used", async () => {
  await using server = serve({ ...quiet, upgrade: true }, handler);
  const url = `http://127.0.0.1:${server.addr.port}/`;
  const { connection } = await connectUpgrade(url, new Tuning());
  assertEquals(await (await connection.fetch("/")).text(), "x");
  assertEquals(coreOf(connection).options.limits.maxConcurrentStreams, 3);
  assertEquals(wasSeen(), true);
  await connection.close();
});

Deno.test("connect, Client and connectUpgrade: TLS settings of a class are used", async () => {
  const { cert, key, caCert } = await makeCertificate();
  class Tls {
    get caCerts(): string[] {
      return [caCert];
    }
  }
  await using server = serve({ ...quiet, cert, key, upgrade: true }, handler);
  const { port } = server.addr;
  const tls = new Tls();
  await using connection = await connect({ hostname: "localhost", port, tls });
  assertEquals(await (await connection.fetch("/")).text(), "x");
  await using client = new Client({ tls });
  const url = `https://localhost:${port}/`;
  assertEquals(await (await client.fetch(url)).text(), "x");
  const upgraded = await connectUpgrade(url, { tls });
  assertEquals(await (await upgraded.connection.fetch("/")).text(), "x");
  await upgraded.connection.close();
});

Deno.test("Client: a proxy of a class is used", async () => {
  class Proxy {
    get url(): string {
      return "http://proxy.example:8080";
    }
  }
  const dialled: string[] = [];
  await using client = new Client({
    proxy: new Proxy(),
    dial: ({ hostname, port }) => {
      dialled.push(`${hostname}:${port}`);
      return Promise.reject(new Error("no route"));
    },
  });
  await assertRejects(() => client.fetch("http://h/"), TypeError);
  assertEquals(dialled, ["proxy.example:8080"]);
});
