/** Options of a connection to be opened, which are checked before anything is dialed. */

import {
  checkDial,
  type DialPlan,
} from "../../../connection/transport/dial.ts";
import { InvalidArgumentError } from "../../../errors.ts";
import { assertThrows } from "../../deps.ts";

Deno.test("dial: options of the wrong kind, or that exclude each other, are refused", () => {
  const dial = () => Promise.reject(new Error("not called"));
  checkDial({});
  checkDial({ proxy: false, path: "/run/spdy.sock" });
  checkDial({ dial, proxyProtocol: { version: 1 } });
  const wrong: [DialPlan, string][] = [
    [{ dial: 5 as unknown as typeof dial }, "dial is not a function"],
    [{ path: "/run/spdy.sock", dial }, "path and dial exclude each other"],
    [
      { path: "/run/spdy.sock", proxy: { url: "http://127.0.0.1:3128" } },
      "path and proxy exclude each other",
    ],
    [
      { proxyProtocol: { version: 3 as 2 } },
      "proxyProtocol.version 3 is neither 1 nor 2",
    ],
  ];
  for (const [plan, message] of wrong) {
    assertThrows(() => checkDial(plan), InvalidArgumentError, message);
  }
});
