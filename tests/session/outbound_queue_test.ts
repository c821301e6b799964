import { assertEquals } from "../deps.ts";
import { OutboundQueue, priorityOf } from "../../session/outbound_queue.ts";
import { Random } from "../helpers/random.ts";

interface Item {
  key: number;
  name: string;
}

function item(
  queue: OutboundQueue<Item>,
  priority: number,
  name: string,
): Item {
  return { key: queue.keyFor(priority), name };
}

function drain(
  queue: OutboundQueue<Item>,
  mayOpen = true,
  windowOpen = true,
): string[] {
  const names: string[] = [];
  for (;;) {
    const peeked = queue.peek(mayOpen, windowOpen);
    const popped = queue.pop(mayOpen, windowOpen);
    assertEquals(popped, peeked);
    if (popped === undefined) return names;
    names.push(popped.name);
  }
}

Deno.test("items leave by priority, then in the order of queueing", () => {
  const queue = new OutboundQueue<Item>();
  queue.push(item(queue, 7, "low 1"));
  queue.push(item(queue, 0, "high 1"));
  queue.push(item(queue, -10, "ping"));
  queue.push(item(queue, 0, "high 2"));
  queue.push(item(queue, 7, "low 2"));
  queue.push(item(queue, -1, "settings"));
  assertEquals(queue.size(true), 6);
  assertEquals(drain(queue), [
    "ping",
    "settings",
    "high 1",
    "high 2",
    "low 1",
    "low 2",
  ]);
  assertEquals(queue.pop(true, true), undefined);
});

Deno.test("SYN_STREAMs share the order while streams may be opened", () => {
  const queue = new OutboundQueue<Item>();
  queue.pushSynStream(item(queue, 3, "syn 3"));
  queue.push(item(queue, 3, "data 3"));
  queue.pushSynStream(item(queue, 0, "syn 0"));
  assertEquals(queue.peek(false, true)?.name, "data 3");
  assertEquals(drain(queue, false), ["data 3"]);
  assertEquals(queue.size(true), 2);
  assertEquals(drain(queue), ["syn 0", "syn 3"]);
});

Deno.test("DATA that waits for the window is counted, and leaves when the window is open", () => {
  const queue = new OutboundQueue<Item>();
  queue.pushBlocked(item(queue, 0, "blocked"));
  queue.push(item(queue, 1, "other"));
  assertEquals([queue.size(false), queue.size(true)], [1, 2]);
  assertEquals(drain(queue, true, false), ["other"]);
  assertEquals(drain(queue), ["blocked"]);
});

Deno.test("an item that is put back keeps its place", () => {
  const queue = new OutboundQueue<Item>();
  queue.push(item(queue, 2, "first"));
  queue.push(item(queue, 2, "second"));
  const first = queue.pop(true, true);
  queue.push(item(queue, 2, "third"));
  if (first !== undefined) queue.push(first);
  assertEquals(drain(queue), ["first", "second", "third"]);
});

Deno.test("priorityOf returns the priority that keyFor was given", () => {
  const queue = new OutboundQueue<Item>();
  for (const priority of [-32, -10, -1, 0, 3, 7]) {
    assertEquals(priorityOf(queue.keyFor(priority)), priority);
  }
});

Deno.test("random pushes, pops and removals agree with a sorted list", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new Random(seed);
    const queue = new OutboundQueue<Item>();
    let model: Item[] = [];
    for (let step = 0; step < 500; step++) {
      const action = random.int(0, 9);
      if (action < 6) {
        const next = item(queue, random.int(-3, 7), `${step}`);
        queue.push(next);
        model.push(next);
      } else if (action < 9) {
        model.sort((left, right) => left.key - right.key);
        assertEquals(queue.pop(true, true), model.shift());
      } else if (model.length > 0) {
        const gone = random.pick(model);
        queue.remove(gone);
        queue.remove(gone);
        model = model.filter((kept) => kept !== gone);
      }
      assertEquals(queue.size(true), model.length);
    }
  }
});

Deno.test("a long queue keeps its order while items are taken and added", () => {
  for (const taken of [63, 64, 65, 128, 199]) {
    const queue = new OutboundQueue<Item>();
    const wanted: string[] = [];
    const add = (count: number): void => {
      for (let index = 0; index < count; index++) {
        const name = `${wanted.length}`;
        wanted.push(name);
        queue.push(item(queue, 1, name));
      }
    };
    add(200);
    const found: string[] = [];
    for (let index = 0; index < taken; index++) {
      found.push(queue.pop(true, true)?.name ?? "none");
      assertEquals(queue.size(true), 200 - found.length);
    }
    add(50);
    assertEquals(queue.size(true), 250 - taken);
    assertEquals([...found, ...drain(queue)], wanted);
    assertEquals(queue.size(true), 0);
  }
});

Deno.test("an item is removed from a long queue whose front was taken", () => {
  const queue = new OutboundQueue<Item>();
  const items = Array.from(
    { length: 150 },
    (_, index) => item(queue, 1, `${index}`),
  );
  for (const each of items) queue.push(each);
  for (let index = 0; index < 70; index++) queue.pop(true, true);
  for (const index of [70, 100, 149]) queue.remove(items[index]);
  const left = items.filter((_, index) =>
    index > 70 && index !== 100 && index !== 149
  );
  assertEquals(queue.size(true), left.length);
  assertEquals(drain(queue), left.map(({ name }) => name));
});

Deno.test("an item is removed from a heap, and the order of the others stays", () => {
  for (let removed = 0; removed < 15; removed++) {
    const queue = new OutboundQueue<Item>();
    // Keys that decrease: all but the first item are in the heap. The order makes
    // the subtrees differ, so that the last item may have to rise.
    const priorities = [
      7,
      -32,
      -2,
      -31,
      5,
      0,
      -30,
      -29,
      6,
      31,
      1,
      2,
      -28,
      3,
      4,
    ];
    const items = priorities.map((each) => item(queue, each, `${each}`));
    for (const each of items) queue.push(each);
    queue.remove(items[removed]);
    const left = priorities.filter((_, at) => at !== removed);
    assertEquals(queue.size(true), 14);
    assertEquals(drain(queue), left.sort((a, b) => a - b).map(String));
  }
});

Deno.test("DATA that waits for the window can be removed, and only once", () => {
  const queue = new OutboundQueue<Item>();
  const [first, second] = [item(queue, 0, "first"), item(queue, 0, "second")];
  queue.removeBlocked(first);
  queue.pushBlocked(first);
  queue.pushBlocked(second);
  queue.removeBlocked(first);
  queue.removeBlocked(first);
  assertEquals(queue.size(true), 1);
  assertEquals(drain(queue), ["second"]);
});
