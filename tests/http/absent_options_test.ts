/** Options with `null` or `false`, which count as not set, and stores of unusual kinds. */

import {
  Client,
  connect,
  Connection,
  serve,
  serveConnection,
  type ServeConnectionOptions,
  type SettingsEntry,
} from "../../mod.ts";
import {
  ID_FLAG_SETTINGS_PERSIST_VALUE,
  PROTO_SPDY3_1,
} from "../../frame/constants.ts";
import { CLIENT } from "../../session/constants.ts";
import { assertEquals, assertRejects } from "../deps.ts";
import { memoryStreams } from "../helpers/connections.ts";
import { assertFetchFails } from "../helpers/http.ts";

// deno-lint-ignore no-explicit-any -- values that the types do not allow
type Any = any;
const ABSENT: readonly Any[] = [undefined, null, false];
const ORIGIN = "http://h";

/** A client and a server in memory. */
function pairOf(
  server: ServeConnectionOptions,
  client: object = {},
): { client: Connection; served: ReturnType<typeof serveConnection> } {
  const [left, right] = memoryStreams();
  const served = serveConnection(right, server, () => new Response("x"));
  return {
    served,
    client: new Connection(left, {
      side: CLIENT,
      version: PROTO_SPDY3_1,
      origin: ORIGIN,
      ...client,
    }),
  };
}

Deno.test("onFrame: null and false count as not set", async () => {
  for (const onFrame of ABSENT) {
    const { client, served } = pairOf({ onFrame }, { onFrame });
    assertEquals(await (await client.fetch("/")).text(), "x");
    await client.close();
    await served.finished;
  }
});

Deno.test("onConnection, onError and onConnectionError: null and false count as not set", async () => {
  const logged: unknown[] = [];
  const { error } = console;
  console.error = (...parts: unknown[]) => logged.push(...parts);
  try {
    for (const absent of ABSENT) {
      const { client, served } = pairOf({
        onConnection: absent,
        onError: absent,
      });
      assertEquals(await (await client.fetch("/")).text(), "x");
      await client.close();
      await served.finished;
      const refused = pairOf({
        onConnection: () => {
          throw new Error("refused");
        },
        onConnectionError: absent,
      });
      await assertFetchFails(() => refused.client.fetch("/"), Error);
      await refused.served.finished;
      await refused.client.close();
    }
  } finally {
    console.error = error;
  }
  assertEquals(logged, []);
});

Deno.test("settingsStore: null and false count as none", async () => {
  for (const settingsStore of ABSENT) {
    const { client, served } = pairOf(
      { settingsStore },
      { settingsStore, origin: undefined },
    );
    await client.ping();
    await client.close();
    await served.finished;
    new Client({ settingsStore });
    const dial = () => Promise.reject(new Error("dialled"));
    await assertRejects(
      () => connect({ port: 1, dial, settingsStore }),
      Error,
      "dialled",
    );
  }
});

Deno.test("settingsStore: a class with static functions is one", async () => {
  const stored = new Map<string, SettingsEntry[]>();
  class Store {
    static get(origin: string): SettingsEntry[] | undefined {
      return stored.get(origin);
    }
    static set(origin: string, entries: SettingsEntry[]): void {
      stored.set(origin, entries);
    }
    static delete(origin: string): void {
      stored.delete(origin);
    }
  }
  const { client, served } = pairOf({
    settings: [[5, ID_FLAG_SETTINGS_PERSIST_VALUE, 20]],
  }, { settingsStore: Store });
  assertEquals(await (await client.fetch("/")).text(), "x");
  assertEquals([...stored.keys()], [ORIGIN]);
  await client.close();
  await served.finished;
});

Deno.test("settingsStore: connect sets the origin under which it stores", async () => {
  const settingsStore = new Map<string, SettingsEntry[]>();
  await using server = serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
    settings: [[5, ID_FLAG_SETTINGS_PERSIST_VALUE, 20]],
  }, () => new Response("x"));
  const { port } = server.addr;
  await using client = await connect({ port, settingsStore });
  await client.ping();
  assertEquals([...settingsStore.keys()], [`http://127.0.0.1:${port}`]);
});
