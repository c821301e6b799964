/**
 * Settings of the kernel that a kubelet changes for the whole machine.
 *
 * @module
 */

/** Values of settings by their names, such as `kernel.panic`. */
export type Settings = Readonly<Record<string, string>>;

/** The settings that a kubelet changes when it starts (`protectKernelDefaults: false`). */
const OF_KUBELET = [
  "vm.overcommit_memory",
  "vm.panic_on_oom",
  "kernel.panic",
  "kernel.panic_on_oops",
  "kernel.keys.root_maxkeys",
  "kernel.keys.root_maxbytes",
];

/** Reads the current settings, without those that this kernel does not have. */
export async function readSettings(
  names: readonly string[] = OF_KUBELET,
): Promise<Settings> {
  const entries: [string, string][] = [];
  for (const name of names) {
    const value = await Deno.readTextFile(fileOf(name)).catch(() => undefined);
    if (value !== undefined) entries.push([name, value.trim()]);
  }
  return Object.fromEntries(entries);
}

/** Restores the settings that differ. */
export async function restoreSettings(settings: Settings): Promise<void> {
  const current = await readSettings(Object.keys(settings));
  for (const [name, value] of Object.entries(settings)) {
    if (current[name] === value) continue;
    await Deno.writeTextFile(fileOf(name), value);
  }
}

function fileOf(name: string): string {
  return `/proc/sys/${name.replaceAll(".", "/")}`;
}
