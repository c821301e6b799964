import { assertEquals, assertRejects } from "../deps.ts";
import { bounded, waitFor } from "../helpers/deadline.ts";

Deno.test("deadline: a test that hangs fails and prints what it waits for", async (context) => {
  const bus = Promise.withResolvers<void>();
  const hanging = bounded(() => waitFor("a bus", bus.promise, 1000), 1);
  await assertRejects(
    async () => await hanging(context),
    Error,
    "has not ended after 0.001 s: it waits for a bus",
  );
  // Ends the timer of the wait.
  bus.resolve();
  await assertRejects(
    () => waitFor("a train", new Promise(() => {}), 1),
    Error,
    "waited 0.001 s in vain for a train",
  );
  assertEquals(await waitFor("nothing", Promise.resolve(7)), 7);
});
