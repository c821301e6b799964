/** Options that are an object of a class, whose getters and methods no spread copies. */

import { targetOf } from "../../kubernetes/copy/run.ts";
import { resolveForwardPorts } from "../../kubernetes/forwarding/options.ts";
import { openTunnel } from "../../kubernetes/mod.ts";
import { assertEquals, assertRejects } from "../deps.ts";

class Target {
  get url(): string {
    return "http://api.example";
  }
  dial(): Promise<never> {
    return Promise.reject(new Error("dialled"));
  }
}

Deno.test("openTunnel: the target may be of a class", async () => {
  const request = { path: "/exec", expectTunnel: ["v4.channel.k8s.io"] };
  await assertRejects(
    () => openTunnel(new Target(), request),
    Error,
    "dialled",
  );
});

Deno.test("copyTo and copyFrom: the options may be of a class", () => {
  class Options extends Target {
    local = "a";
    remote = "b";
    pod = { name: "web" };
  }
  const options = new Options();
  const { url, dial, pod, ...rest } = targetOf(options);
  assertEquals([url, dial, pod, rest], [
    options.url,
    options.dial,
    options.pod,
    {},
  ]);
});

Deno.test("forwardPorts: the options may be of a class", () => {
  class Options {
    target = new Target();
    get ports(): string[] {
      return ["8080:80"];
    }
    onEvent(): void {}
  }
  const options = new Options();
  const { ports, onEvent, timeout } = resolveForwardPorts(options);
  assertEquals([ports, onEvent, timeout], [
    ["8080:80"],
    options.onEvent,
    30_000,
  ]);
});

Deno.test("forwardPorts: the fields of a target are copied at the call; a function can change them", () => {
  const changing: { url: string; headers?: HeadersInit } = {
    url: "http://api.example",
  };
  const later = () => changing;
  const [copied, called] = [changing, later]
    .map((target) => resolveForwardPorts({ target, ports: ["80"] }).target);
  changing.headers = { authorization: "Bearer later" };
  assertEquals(copied, { url: changing.url, headers: undefined });
  assertEquals(called, later);
});
