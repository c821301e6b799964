import { assertEquals } from "../deps.ts";
import {
  getNpnProtocols,
  npnGetVersion,
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
} from "../../mod.ts";

Deno.test("npnGetVersion accepts exactly the three names", () => {
  assertEquals(npnGetVersion("spdy/2"), PROTO_SPDY2);
  assertEquals(npnGetVersion("spdy/3"), PROTO_SPDY3);
  assertEquals(npnGetVersion("spdy/3.1"), PROTO_SPDY3_1);
  for (const name of ["", "SPDY/3", "spdy/3 ", "spdy/4", "http/1.1"]) {
    assertEquals(npnGetVersion(name), 0, name);
  }
});

Deno.test("getNpnProtocols returns a new list, best first", () => {
  const protocols = getNpnProtocols();
  assertEquals(protocols, ["spdy/3.1", "spdy/3", "spdy/2"]);
  protocols.length = 0;
  assertEquals(getNpnProtocols().length, 3);
});
