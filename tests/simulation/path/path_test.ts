/** The simulated TCP behaves like TCP, so that SPDY is compared with a correct model. */

import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertLess,
} from "../../deps.ts";
import { Random } from "../../helpers/random.ts";
import { matches, pattern } from "../pattern.ts";
import { World } from "../world.ts";
import { Bottleneck, type DirectionShape } from "./bottleneck.ts";
import { Meter } from "./meter.ts";
import { receive, send } from "./path.ts";
import { type TcpEnd, type TcpOptions, tcpPair } from "./tcp.ts";

const SHAPE: DirectionShape = {
  rate: 2500,
  delay: 50,
  room: 250_000,
  lossEvery: Infinity,
};
const TCP: TcpOptions = {
  congestion: "reno",
  endsEarly: false,
  sendBuffer: 0,
  receiveBuffer: 6 << 20,
  acknowledgementDelay: 40,
};

interface Connected {
  readonly world: World;
  readonly up: Bottleneck;
  readonly down: Bottleneck;
  readonly client: TcpEnd;
  readonly server: TcpEnd;
  readonly meter: Meter;
  pass(milliseconds: number): Promise<boolean>;
}

function connected(
  shape: Partial<DirectionShape> = {},
  tcp: Partial<TcpOptions> = {},
): Connected {
  const world = new World(1, false);
  const [up, down] = [1, 2].map((seed) =>
    new Bottleneck(world, new Random(seed), { ...SHAPE, ...shape })
  );
  const pair = tcpPair(world, up, down, { ...TCP, ...tcp });
  const pass = (milliseconds: number): Promise<boolean> => {
    const end = world.now + milliseconds;
    world.after(milliseconds, () => {});
    return world.run(() => world.now >= end);
  };
  return { world, up, down, ...pair, meter: new Meter(world), pass };
}

/** The server sends as much as it can. */
function download({ client, server, meter }: Connected): void {
  send(server);
  receive(client, (size) => meter.count("down", size));
}

Deno.test("simulated TCP: from ten packets on, slow start doubles the bytes under way in each round trip", async () => {
  const path = connected();
  download(path);
  const sizes: number[] = [];
  for (let round = 0; round < 4; round++) {
    await path.pass(90);
    sizes.push(path.server.congestionWindow);
    await path.pass(15);
  }
  assertEquals(sizes[0], 14_480);
  for (let round = 1; round < 4; round++) {
    assertAlmostEquals(sizes[round] / sizes[round - 1], 2, 0.3);
  }
});

for (const congestion of ["reno", "cubic"] as const) {
  Deno.test(`simulated TCP: ${congestion} fills a path whose queue has room for a round trip`, async () => {
    const path = connected({}, { congestion });
    download(path);
    await path.pass(10_000);
    assertGreater(path.meter.rate("down", 3000, 10_000), 0.9 * SHAPE.rate);
  });
}

Deno.test("simulated TCP: a full queue loses packets, and the window becomes half as large", async () => {
  const path = connected();
  download(path);
  let most = 0;
  await path.world.run(() => {
    const { congestionWindow } = path.server;
    most = Math.max(most, congestionWindow);
    return congestionWindow < most;
  });
  assertGreater(path.down.lost, 0);
  // The bytes that the path and its queue have room for.
  assertGreater(most, 500_000);
  assertAlmostEquals(path.server.congestionWindow, most / 2, 1);
});

Deno.test("simulated TCP: a lost packet delays all bytes behind it by at least a round trip", async () => {
  const path = connected();
  let longest = 0;
  let last = 0;
  send(path.server);
  receive(path.client, () => {
    if (path.world.now > 500) {
      longest = Math.max(longest, path.world.now - last);
    }
    last = path.world.now;
  });
  await path.pass(600);
  assertLess(longest, 60);
  path.down.shape = { ...SHAPE, lossEvery: 1 };
  await path.pass(2);
  path.down.shape = SHAPE;
  await path.pass(600);
  assertGreater(longest, 99);
});

Deno.test("simulated TCP: all bytes arrive in order, whatever is lost", async () => {
  for (const acknowledgementDelay of [0, 200]) {
    const path = connected({ lossEvery: 30 }, { acknowledgementDelay });
    const total = 300_000;
    (async () => {
      for (let at = 0; at < total;) {
        const piece = pattern(1, at, Math.min(7000, total - at));
        const size = await path.server.write(piece);
        at += size;
      }
    })();
    let at = 0;
    (async () => {
      const buffer = new Uint8Array(5000);
      for (;;) {
        const size = await path.client.read(buffer);
        if (size === null) break;
        assert(matches(1, at, buffer.subarray(0, size)), `after ${at} bytes`);
        at += size;
      }
    })();
    await path.world.run(() => at === total, 120_000);
    assertEquals(at, total);
    assertGreater(path.down.lost, 3);
  }
});

Deno.test("simulated TCP: a receiver that does not read stops the sender, which continues when it reads", async () => {
  const path = connected({}, { receiveBuffer: 131_072, sendBuffer: 65_536 });
  let taken = 0;
  (async () => {
    for (;;) {
      const size = await path.server.write(new Uint8Array(10_000));
      taken += size;
    }
  })();
  await path.pass(5000);
  assertGreater(taken, 131_072);
  assertLess(taken, 131_072 + 65_537);
  receive(path.client, (size) => path.meter.count("down", size));
  await path.pass(5000);
  assertGreater(path.meter.rate("down", 6000, 10_000), 300);
});

Deno.test("simulated TCP: two transfers share a path", async () => {
  const path = connected({ delay: 10, room: 50_000 });
  const other = tcpPair(path.world, path.up, path.down, TCP);
  download(path);
  send(other.server);
  receive(other.client, (size) => path.meter.count("up", size));
  await path.pass(20_000);
  const rates = (["up", "down"] as const).map((way) =>
    path.meter.rate(way, 2000, 20_000)
  );
  assertGreater(rates[0] + rates[1], 0.9 * SHAPE.rate);
  assertGreater(Math.min(...rates), 0.2 * SHAPE.rate);
});
