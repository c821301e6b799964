import { MAX_FLOW_WINDOW } from "../../frame/window_update.ts";
import { assertEquals } from "../deps.ts";
import {
  raiseWindow,
  ReceiveWindow,
  sendableLength,
  updateThreshold,
} from "../../session/flow_control.ts";

Deno.test("raiseWindow accepts at most 2^31-1", () => {
  assertEquals(raiseWindow(65536, 2147418111), MAX_FLOW_WINDOW);
  assertEquals(raiseWindow(65536, 2147418112), undefined);
  assertEquals(raiseWindow(MAX_FLOW_WINDOW, 0), MAX_FLOW_WINDOW);
  assertEquals(raiseWindow(MAX_FLOW_WINDOW, 1), undefined);
  assertEquals(raiseWindow(-10, 5), -5);
  assertEquals(raiseWindow(-1, MAX_FLOW_WINDOW), MAX_FLOW_WINDOW - 1);
});

Deno.test("sendableLength is the smallest of the three, never negative", () => {
  assertEquals(sendableLength(4096, 65536, 65536), 4096);
  assertEquals(sendableLength(4096, 100, 65536), 100);
  assertEquals(sendableLength(4096, 65536, 1), 1);
  assertEquals(sendableLength(4096, 0, 65536), 0);
  assertEquals(sendableLength(4096, -5, 65536), 0);
  assertEquals(sendableLength(4096, 65536, -1), 0);
  assertEquals(sendableLength(4096, Infinity, Infinity), 4096);
});

Deno.test("updateThreshold is half, rounded down", () => {
  assertEquals([65536, 3, 2, 1, 0].map(updateThreshold), [32768, 1, 1, 0, 0]);
});

Deno.test("a receive window is charged up to its last byte and refuses one more", () => {
  const window = new ReceiveWindow(10);
  assertEquals(window.charge(11), false);
  assertEquals(window.available, 10);
  assertEquals(window.charge(10), true);
  assertEquals(window.charge(0), true);
  assertEquals(window.charge(1), false);
  window.grant(5);
  assertEquals(window.available, 5);
  window.grant(MAX_FLOW_WINDOW);
  assertEquals(window.available, MAX_FLOW_WINDOW);
});

Deno.test("an automatic update is due at the threshold", () => {
  const window = new ReceiveWindow(100);
  assertEquals(window.receive(49, 50), 0);
  assertEquals(window.receive(1, 50), 50);
  assertEquals(window.receive(49, 50), 0);
  assertEquals(window.receive(11, 50), 60);
  assertEquals(
    window.receive(1, 0),
    1,
    "every piece when the window is 0 or 1",
  );
});

Deno.test("bytes that were granted manually are not granted again", () => {
  const window = new ReceiveWindow(100);
  window.receive(40, 50);
  window.acknowledge(30);
  assertEquals(window.receive(39, 50), 0);
  assertEquals(window.receive(1, 50), 50);
  window.receive(10, 50);
  window.acknowledge(1000);
  assertEquals(window.receive(50, 50), 50);
});

Deno.test("consumed bytes are granted again at the threshold", () => {
  const window = new ReceiveWindow(100);
  window.deliver(80);
  assertEquals(window.unconsumed, 80);
  assertEquals(window.consume(49, 50), 0);
  assertEquals(window.consume(1, 50), 50);
  assertEquals(window.unconsumed, 30);
  assertEquals(window.consume(30, 50), 0);
  assertEquals(window.unconsumed, 0);
});
