/**
 * The order of the folders inside a layer: finds imports that run up.
 *
 * @module
 */

/** The modules of the repository and what each imports, paths from the root. */
export type Imports = ReadonlyMap<string, readonly string[]>;

/**
 * Finds the imports that break the order of the folders. `order` has the folders
 * inside layers, lowest first.
 *
 * A folder imports itself and the folders before it. A file directly in a
 * layer is either shared by folders or joins them: it stands above the folders
 * that it imports, itself or through other such files, and only folders above
 * those may import it. The same applies to the folders inside a folder.
 */
export function upwardImports(
  imports: Imports,
  order: readonly string[],
): string[] {
  const faults: string[] = [];
  const parents = new Set([...imports.keys()].flatMap(ancestors));
  for (const parent of parents) {
    const parts = new PartsOf(parent, imports, order);
    for (const [from, targets] of imports) {
      const folder = parts.folderOf(from);
      if (folder === undefined) continue;
      if (!order.includes(folder)) {
        faults.push(`${from}: ${folder}/ is not in FOLDERS`);
        continue;
      }
      for (const target of targets) {
        if (parts.folderOf(target) === folder) continue;
        const highest = parts.highestFrom(target);
        if (order.indexOf(highest.folder) < order.indexOf(folder)) continue;
        faults.push(
          parts.folderOf(target) === undefined
            ? `${from}: imports ${target}, which is above ${folder}/ because it reaches ${highest.path}`
            : `${from}: imports ${target}, whose folder comes later in FOLDERS`,
        );
      }
    }
  }
  return faults;
}

/** The highest folder that a module reaches, and the module of it; no folder is `""`. */
interface Reached {
  readonly folder: string;
  readonly path: string;
}

const NOTHING: Reached = { folder: "", path: "" };

/** The folders in one folder, and the files directly in it. */
class PartsOf {
  readonly #parent: string;
  readonly #imports: Imports;
  readonly #order: readonly string[];
  readonly #reached: Map<string, Reached> = new Map();

  constructor(parent: string, imports: Imports, order: readonly string[]) {
    this.#parent = parent;
    this.#imports = imports;
    this.#order = order;
  }

  /** The folder directly in the parent that `path` is in. */
  folderOf(path: string): string | undefined {
    if (!path.startsWith(`${this.#parent}/`)) return undefined;
    const end = path.indexOf("/", this.#parent.length + 1);
    return end < 0 ? undefined : path.slice(0, end);
  }

  highestFrom(path: string): Reached {
    const folder = this.folderOf(path);
    if (folder !== undefined) return { folder, path };
    if (folderOf(path) !== this.#parent) return NOTHING;
    const known = this.#reached.get(path);
    if (known !== undefined) return known;
    // A cycle, which is reported elsewhere, ends here.
    this.#reached.set(path, NOTHING);
    let highest = NOTHING;
    for (const target of this.#imports.get(path) ?? []) {
      const reached = this.highestFrom(target);
      if (
        this.#order.indexOf(reached.folder) >
          this.#order.indexOf(highest.folder)
      ) highest = reached;
    }
    this.#reached.set(path, highest);
    return highest;
  }
}

/** The folder that a file is directly in; `session.ts` belongs to `session`. */
function folderOf(path: string): string {
  const end = path.lastIndexOf("/");
  return end < 0 ? path.replace(/\.ts$/, "") : path.slice(0, end);
}

/** The folders that a file is in, at any depth. */
function ancestors(path: string): string[] {
  const parts = folderOf(path).split("/");
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}
