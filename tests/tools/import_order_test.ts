import { upwardImports } from "../../tools/import_order.ts";
import { assertEquals } from "../deps.ts";

const ORDER = ["wire/time", "wire/stream", "wire/flow", "wire/flow/tuning"];

/** The faults in these modules; each names what it imports. */
function faultsOf(modules: Record<string, string[]>): string[] {
  return upwardImports(new Map(Object.entries(modules)), ORDER);
}

Deno.test("check-imports: a folder imports the folders before it, not those after it", () => {
  assertEquals(
    faultsOf({
      "wire/time/clock.ts": [],
      "wire/stream/stream.ts": ["wire/time/clock.ts", "wire/flow/window.ts"],
      "wire/flow/window.ts": ["wire/time/clock.ts", "wire/flow/sizes.ts"],
      "wire/flow/sizes.ts": ["errors.ts"],
      "errors.ts": [],
    }),
    [
      "wire/stream/stream.ts: imports wire/flow/window.ts, whose folder comes later in FOLDERS",
    ],
  );
});

Deno.test("check-imports: a file beside the folders may be below one and above another", () => {
  assertEquals(
    faultsOf({
      "wire.ts": ["wire/flow/window.ts", "wire/options.ts"],
      "wire/options.ts": ["wire/time/clock.ts"],
      "wire/flow/window.ts": ["wire/options.ts"],
      "wire/time/clock.ts": [],
    }),
    [],
  );
});

Deno.test("check-imports: a folder does not reach itself or a later one through a file beside it", () => {
  assertEquals(
    faultsOf({
      "wire.ts": ["wire/stream/stream.ts"],
      "wire/options.ts": ["wire/names.ts"],
      "wire/names.ts": ["wire/stream/stream.ts", "wire/time/clock.ts"],
      "wire/time/clock.ts": ["wire/options.ts"],
      "wire/stream/stream.ts": [],
      "wire/stream/list.ts": ["wire/names.ts", "wire.ts"],
      "wire/flow/window.ts": ["wire/options.ts"],
    }),
    [
      "wire/time/clock.ts: imports wire/options.ts, which is above wire/time/ because it reaches wire/stream/stream.ts",
      "wire/stream/list.ts: imports wire/names.ts, which is above wire/stream/ because it reaches wire/stream/stream.ts",
      "wire/stream/list.ts: imports wire.ts, which is above wire/stream/ because it reaches wire/stream/stream.ts",
    ],
  );
});

Deno.test("check-imports: the folders inside a folder have an order too", () => {
  assertEquals(
    faultsOf({
      "wire/flow/window.ts": ["wire/flow/tuning/trial.ts"],
      "wire/flow/sizes.ts": [],
      "wire/flow/tuning/trial.ts": ["wire/flow/sizes.ts"],
      "wire/flow/tuning/path.ts": ["wire/flow/window.ts"],
    }),
    [
      "wire/flow/tuning/path.ts: imports wire/flow/window.ts, which is above wire/flow/tuning/ because it reaches wire/flow/tuning/trial.ts",
    ],
  );
});

Deno.test("check-imports: each folder inside a layer has a place in the order", () => {
  assertEquals(
    faultsOf({ "wire/cable/plug.ts": ["wire/time/clock.ts"] }),
    ["wire/cable/plug.ts: wire/cable/ is not in FOLDERS"],
  );
});

Deno.test("check-imports: files that import each other are left to the search for cycles", () => {
  assertEquals(
    faultsOf({
      "wire/a.ts": ["wire/b.ts"],
      "wire/b.ts": ["wire/a.ts", "wire/time/clock.ts"],
      "wire/stream/stream.ts": ["wire/a.ts"],
      "wire/time/clock.ts": [],
    }),
    [],
  );
});
