/**
 * Mutation testing: changes one operator, constant or statement at a time, runs
 * the tests of that folder, and lists the changes that no test noticed.
 *
 *     deno task mutants                              # 40 mutants of each folder
 *     deno task mutants --count 100 --seed 7 session # more, others, one folder
 *     deno task mutants --file session/floods.ts     # all mutants of one file
 *
 * Mutants are chosen by the seed. Those in `tools/accepted_mutants.txt` change
 * nothing that a test could see; each line there says why.
 *
 * @module
 */

import ts from "npm:typescript@5.9.3";
import { parseArgs } from "../tests/deps.ts";
import { Random } from "../tests/helpers/random.ts";
import { stdFlags } from "./std.ts";

/** The tests that have to notice a mutant, by the folder it is in. */
const TESTS: Readonly<Record<string, readonly string[]>> = {
  zlib: ["tests/zlib", "tests/frame"],
  frame: ["tests/frame", "tests/vectors", "tests/session"],
  session: ["tests/session", "tests/vectors", "tests/security"],
  connection: ["tests/connection", "tests/security", "tests/simulation"],
};

/** Operators and what takes their place. */
const OPERATORS: ReadonlyMap<ts.SyntaxKind, string> = new Map([
  [ts.SyntaxKind.LessThanToken, "<="],
  [ts.SyntaxKind.LessThanEqualsToken, "<"],
  [ts.SyntaxKind.GreaterThanToken, ">="],
  [ts.SyntaxKind.GreaterThanEqualsToken, ">"],
  [ts.SyntaxKind.EqualsEqualsEqualsToken, "!=="],
  [ts.SyntaxKind.ExclamationEqualsEqualsToken, "==="],
  [ts.SyntaxKind.AmpersandAmpersandToken, "||"],
  [ts.SyntaxKind.BarBarToken, "&&"],
  [ts.SyntaxKind.PlusToken, "-"],
  [ts.SyntaxKind.MinusToken, "+"],
  [ts.SyntaxKind.AsteriskToken, "+"],
  [ts.SyntaxKind.AmpersandToken, "|"],
  [ts.SyntaxKind.BarToken, "&"],
  [ts.SyntaxKind.PlusEqualsToken, "-="],
  [ts.SyntaxKind.MinusEqualsToken, "+="],
]);

/** One change to one file. */
export interface Mutant {
  readonly file: string;
  /** Line, from 1. */
  readonly line: number;
  /** Where the replaced text begins and ends. */
  readonly start: number;
  readonly end: number;
  readonly before: string;
  readonly after: string;
}

/** All mutants of a source text. */
export function mutantsOf(file: string, text: string): Mutant[] {
  const source = ts.createSourceFile(
    file,
    text,
    ts.ScriptTarget.Latest,
    true,
    ts.ScriptKind.TS,
  );
  const mutants: Mutant[] = [];
  const add = (node: ts.Node, after: string): void => {
    const start = node.getStart(source);
    const line = source.getLineAndCharacterOfPosition(start).line + 1;
    const before = node.getText(source);
    mutants.push({ file, line, start, end: node.getEnd(), before, after });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node) || ts.isImportDeclaration(node)) return;
    if (ts.isBinaryExpression(node)) {
      const after = OPERATORS.get(node.operatorToken.kind);
      const isText = ts.isStringLiteralLike(node.left) ||
        ts.isStringLiteralLike(node.right);
      if (after !== undefined && !isText) add(node.operatorToken, after);
    } else if (ts.isNumericLiteral(node)) {
      add(node, String(Number(node.text) + 1));
    } else if (node.kind === ts.SyntaxKind.TrueKeyword) {
      add(node, "false");
    } else if (node.kind === ts.SyntaxKind.FalseKeyword) {
      add(node, "true");
    } else if (
      ts.isPrefixUnaryExpression(node) &&
      node.operator === ts.SyntaxKind.ExclamationToken
    ) {
      add(node, node.operand.getText(source));
    } else if (
      ts.isExpressionStatement(node) && !isSuperCall(node.expression)
    ) {
      add(node, ";");
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return mutants;
}

function isSuperCall(node: ts.Expression): boolean {
  return ts.isCallExpression(node) &&
    node.expression.kind === ts.SyntaxKind.SuperKeyword;
}

/** How a mutant is named in lists: its place does not depend on other lines. */
export function describeMutant({ file, before, after }: Mutant): string {
  const [first, ...more] = before.split("\n");
  return `${file}: ${first}${more.length > 0 ? "..." : ""} -> ${after}`;
}

const root = new URL("../", import.meta.url);

/** Copies the tracked and untracked files of the project, so that it is left alone. */
async function copyProject(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "mutants" });
  const list = await new Deno.Command("git", {
    args: ["ls-files", "-co", "--exclude-standard"],
    cwd: root,
  }).output();
  for (const name of new TextDecoder().decode(list.stdout).split("\n")) {
    if (name === "") continue;
    const path = `${folder}/${name}`;
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await Deno.copyFile(new URL(name, root), path).catch(() => {});
  }
  return folder;
}

/** Longest run of the tests, ms: a mutant that hangs is noticed. */
const TEST_TIME = 120_000;

async function testsFail(
  folder: string,
  paths: readonly string[],
): Promise<boolean> {
  const existing: string[] = [];
  for (const path of paths) {
    const found = await Deno.stat(`${folder}/${path}`).catch(() => undefined);
    if (found !== undefined) existing.push(path);
  }
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: [
      "test",
      ...await stdFlags(),
      "-A",
      "--no-check",
      "--quiet",
      "--fail-fast",
      "--parallel",
      ...existing.map((path) => `${folder}/${path}`),
    ],
    cwd: folder,
    signal: AbortSignal.timeout(TEST_TIME),
    stdout: "null",
    stderr: "null",
  }).output();
  return !success;
}

function testsOf(folder: string): readonly string[] {
  return TESTS[folder] ?? ["tests"];
}

async function filesOf(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const entry of Deno.readDir(new URL(`${folder}/`, root))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) files.push(...await filesOf(path));
    else if (path.endsWith(".ts")) files.push(path);
  }
  return files.sort();
}

async function acceptedMutants(): Promise<Set<string>> {
  const path = new URL("accepted_mutants.txt", import.meta.url);
  const lines = (await Deno.readTextFile(path)).split("\n");
  return new Set(lines.map((line) => line.split("  #")[0]));
}

async function main(): Promise<number> {
  const options = parseArgs(Deno.args, {
    string: ["count", "seed", "file", "_"],
  });
  const random = new Random(Number(options.seed ?? 1));
  const accepted = await acceptedMutants();
  const folders = options.file !== undefined
    ? [String(options.file).split("/")[0]]
    : options._.length > 0
    ? options._.map(String)
    : Object.keys(TESTS);
  const copy = await copyProject();
  const scores: string[] = [];
  try {
    for (const folder of folders) {
      const files = options.file === undefined
        ? await filesOf(folder)
        : [String(options.file)];
      const all: Mutant[] = [];
      for (const file of files) {
        all.push(
          ...mutantsOf(file, await Deno.readTextFile(new URL(file, root))),
        );
      }
      const mutants = all.filter((one) => !accepted.has(describeMutant(one)));
      const count = Number(
        options.count ?? (options.file === undefined ? 40 : mutants.length),
      );
      const chosen: Mutant[] = [];
      while (chosen.length < count && mutants.length > 0) {
        chosen.push(...mutants.splice(random.int(0, mutants.length - 1), 1));
      }
      if (await testsFail(copy, testsOf(folder))) {
        console.error(`${folder}: its tests fail without a mutant`);
        return 1;
      }
      let killed = 0;
      for (const mutant of chosen) {
        const path = `${copy}/${mutant.file}`;
        const text = await Deno.readTextFile(path);
        await Deno.writeTextFile(
          path,
          text.slice(0, mutant.start) + mutant.after + text.slice(mutant.end),
        );
        const noticed = await testsFail(copy, testsOf(folder));
        await Deno.writeTextFile(path, text);
        if (noticed) killed++;
        else {console.log(
            `survived: line ${mutant.line}, ${describeMutant(mutant)}`,
          );}
      }
      const share = (100 * killed / Math.max(chosen.length, 1)).toFixed(0);
      scores.push(
        `${folder}: ${killed} of ${chosen.length} killed, ${share} %`,
      );
      console.log(scores.at(-1));
    }
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
  return 0;
}

if (import.meta.main) Deno.exit(await main());
