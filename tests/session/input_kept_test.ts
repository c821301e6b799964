/** A session keeps no memory of its input. */

import { assertEquals } from "../deps.ts";
import { CLIENT, SERVER, Session } from "../../mod.ts";
import { collect, withCollector } from "../helpers/collector.ts";
import { VERSIONS } from "./harness.ts";
import { versionName } from "../helpers/version_name.ts";

for (const version of VERSIONS) {
  withCollector.test({
    name: `recv() keeps no input alive, ${versionName(version)}`,
    async fn() {
      const server = new Session(SERVER, version, {
        send: (_, data) => data.length,
      });
      const memory = requestIn(new ArrayBuffer(1 << 20), server, version);
      // A WeakRef keeps its object until the end of the turn in which it was
      // created.
      await new Promise((resolve) => setTimeout(resolve, 0));
      collect?.();
      assertEquals(memory.deref(), undefined);
      assertEquals(server.wantRead(), true);
    },
  });
}

/** Lets the session read a request of several KiB that is at the start of `memory`. */
function requestIn(
  memory: ArrayBuffer,
  server: Session,
  version: (typeof VERSIONS)[number],
): WeakRef<ArrayBuffer> {
  const bytes = new Uint8Array(memory);
  let size = 0;
  const client = new Session(CLIENT, version, {
    send: (_, data) => {
      bytes.set(data, size);
      size += data.length;
      return data.length;
    },
  });
  client.submitRequest(0, [
    [":method", "GET"],
    [":scheme", "https"],
    [":path", "/"],
    [":version", "HTTP/1.1"],
    [":host", "a.example"],
    ["x-long", "ab cd ".repeat(500)],
    ["cookie", "secret=".repeat(300)],
  ]);
  client.send();
  server.recv(bytes.subarray(0, size));
  return new WeakRef(memory);
}
