/** A receive window that becomes smaller, and larger again. */

import { ReceiveWindow } from "../../session/flow_control.ts";
import { assert, assertEquals } from "../deps.ts";
import { Random } from "../helpers/random.ts";

Deno.test("window: a reduced window withholds the next consumed bytes", () => {
  const window = new ReceiveWindow(1000);
  assert(window.charge(800));
  window.deliver(800);
  assertEquals(window.consume(100, 500), 0);
  window.reduce(400);
  assertEquals(window.span, 600);
  // 100 bytes were consumed before.
  assertEquals(window.consume(300, 1), 0);
  assertEquals(window.consume(200, 1), 200);
  window.grant(200);
  assertEquals(window.available, 400);
  assertEquals(window.span, 600);
});

Deno.test("window: a reduction that was not withheld yet is undone without a WINDOW_UPDATE", () => {
  const window = new ReceiveWindow(1000);
  window.reduce(400);
  assertEquals(window.enlarge(300), 0);
  assertEquals(window.span, 900);
  assertEquals(window.enlarge(300), 200);
  window.grant(200);
  assertEquals([window.span, window.available], [1200, 1200]);
});

Deno.test("window: a peer that uses its whole window always gets more, whatever changes", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = new Random(seed);
    let wanted = 65_536;
    const window = new ReceiveWindow(wanted);
    let delivered = 0;
    for (let step = 0; step < 300; step++) {
      const size = random.int(0, window.available);
      assert(window.charge(size));
      window.deliver(size);
      delivered += size;
      const target = random.chance(0.2) ? random.int(1000, 200_000) : wanted;
      if (target < wanted) window.reduce(wanted - target);
      else {
        const rest = window.enlarge(target - wanted);
        if (rest > 0) window.grant(rest);
      }
      wanted = target;
      const read = random.chance(0.2) ? delivered : random.int(0, delivered);
      const delta = window.consume(read, Math.floor(window.span / 4));
      delivered -= read;
      if (delta > 0) window.grant(delta);
      assertEquals(window.span, wanted);
      // When everything was read, more than half of the window is open.
      if (delivered === 0) assert(window.available > wanted / 2);
    }
  }
});

Deno.test("window: a reduction by one byte withholds that byte", () => {
  const window = new ReceiveWindow(10);
  window.reduce(1);
  window.charge(5);
  window.deliver(5);
  assertEquals(window.consume(5, 1), 4);
  assertEquals([window.available, window.span], [5, 5]);
  window.grant(4);
  assertEquals(window.span, 9);
});
