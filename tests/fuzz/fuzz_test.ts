import { fuzz, TARGETS } from "./fuzz.ts";

/** Time for all targets together in the gate; for `deno task fuzz`, it is an argument. */
const GATE_MS = 15_000;
const SEED = 20261123;

for (const target of TARGETS) {
  Deno.test(`fuzz ${target.name}: ${target.property}`, async () => {
    const { failure } = await fuzz(target, SEED, GATE_MS / TARGETS.length);
    await target.end?.();
    if (failure) {
      throw new Error(
        `replay: deno task fuzz --target ${target.name} --replay ${failure.seed}`,
        {
          cause: failure.error,
        },
      );
    }
  });
}
