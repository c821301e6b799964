/**
 * The mutants of a source text: each changes one operator, constant, negation
 * or statement.
 *
 * @module
 */

import ts from "npm:typescript@5.9.3";

/** Each operator and its replacement. */
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
  [ts.SyntaxKind.SlashToken, "*"],
  [ts.SyntaxKind.PercentToken, "*"],
  [ts.SyntaxKind.LessThanLessThanToken, ">>"],
  [ts.SyntaxKind.GreaterThanGreaterThanToken, "<<"],
  [ts.SyntaxKind.GreaterThanGreaterThanGreaterThanToken, "<<"],
  [ts.SyntaxKind.AmpersandToken, "|"],
  [ts.SyntaxKind.BarToken, "&"],
  [ts.SyntaxKind.CaretToken, "|"],
  [ts.SyntaxKind.PlusEqualsToken, "-="],
  [ts.SyntaxKind.MinusEqualsToken, "+="],
  [ts.SyntaxKind.BarEqualsToken, "&="],
  [ts.SyntaxKind.AmpersandEqualsToken, "|="],
]);

/** One change to one file. */
export interface Mutant {
  readonly file: string;
  /** Line, from 1. */
  readonly line: number;
  /** That line's text, without the white space around it. */
  readonly lineText: string;
  /** Offset and end of the replaced text, in UTF-16 code units. */
  readonly start: number;
  readonly end: number;
  readonly before: string;
  readonly after: string;
  /** Offset and end of the expression or statement whose evaluation reaches the mutant. */
  readonly reachStart: number;
  readonly reachEnd: number;
  readonly isStatement: boolean;
  /** Which one this is among equal changes of equal lines in the file, from 1. */
  readonly occurrence: number;
}

/** All mutants of a source text, in the order of the text. */
export function mutantsOf(file: string, text: string): Mutant[] {
  const source = ts.createSourceFile(
    file,
    text,
    ts.ScriptTarget.Latest,
    true,
    ts.ScriptKind.TS,
  );
  const lines = text.split("\n");
  const seen = new Map<string, number>();
  const mutants: Mutant[] = [];
  const add = (node: ts.Node, after: string, reach: ts.Node = node): void => {
    const start = node.getStart(source);
    const { line } = source.getLineAndCharacterOfPosition(start);
    const before = node.getText(source);
    const lineText = lines[line].trim();
    const key = `${lineText}\n${before}\n${after}`;
    const occurrence = (seen.get(key) ?? 0) + 1;
    seen.set(key, occurrence);
    mutants.push({
      file,
      line: line + 1,
      lineText,
      start,
      end: node.getEnd(),
      before,
      after,
      reachStart: reach.getStart(source),
      reachEnd: reach.getEnd(),
      isStatement: ts.isStatement(reach),
      occurrence,
    });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node) || ts.isImportDeclaration(node)) return;
    if (isListOfNames(node) || keepsCode(node)) return;
    // A key is not evaluated where it is written.
    if (ts.isPropertyAssignment(node) && ts.isNumericLiteral(node.name)) {
      visit(node.initializer);
      return;
    }
    if (ts.isBinaryExpression(node)) {
      const after = OPERATORS.get(node.operatorToken.kind);
      if (
        after !== undefined && !isText(node.left) && !isText(node.right) &&
        !isBound(node)
      ) add(node.operatorToken, after, node);
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
    } else if (canBeDropped(node)) {
      add(node, ";");
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return mutants;
}

/** A list of option names: its type allows only `true`, so a mutant would not compile. */
function isListOfNames(node: ts.Node): boolean {
  return ts.isVariableDeclaration(node) && node.type !== undefined &&
    ts.isTypeReferenceNode(node.type) &&
    node.type.typeName.getText() === "Names";
}

/** Whether a call only keeps compiled code: then no test can see what it gets. */
function keepsCode(node: ts.Node): boolean {
  return ts.isExpressionStatement(node) &&
    ts.isCallExpression(node.expression) &&
    node.expression.expression.getText() === "keepCompiledCode";
}

const COMPARISONS: ReadonlySet<ts.SyntaxKind> = new Set([
  ts.SyntaxKind.LessThanToken,
  ts.SyntaxKind.LessThanEqualsToken,
  ts.SyntaxKind.GreaterThanToken,
  ts.SyntaxKind.GreaterThanEqualsToken,
]);

/**
 * Whether a comparison chooses between the values that it compares, as in
 * `a > b ? b : a` and `if (a > b) a = b`. When they are equal, both choices are the
 * same, so that `>=` for `>` changes nothing.
 */
function isBound(
  { left, operatorToken, right, parent }: ts.BinaryExpression,
): boolean {
  if (!COMPARISONS.has(operatorToken.kind)) return false;
  // This also holds if the comparison is a part of a longer condition.
  let condition: ts.Node = parent;
  while (
    ts.isBinaryExpression(condition) &&
    (condition.operatorToken.kind === ts.SyntaxKind.BarBarToken ||
      condition.operatorToken.kind === ts.SyntaxKind.AmpersandAmpersandToken)
  ) condition = condition.parent;
  const compared = [left.getText(), right.getText()].sort().join();
  const isCompared = (one: ts.Node, other: ts.Node): boolean =>
    [one.getText(), other.getText()].sort().join() === compared;
  if (ts.isConditionalExpression(condition)) {
    return isCompared(condition.whenTrue, condition.whenFalse);
  }
  if (!ts.isIfStatement(condition) || condition.elseStatement) return false;
  const { thenStatement } = condition;
  if (!ts.isExpressionStatement(thenStatement)) return false;
  const { expression } = thenStatement;
  return ts.isBinaryExpression(expression) &&
    expression.operatorToken.kind === ts.SyntaxKind.EqualsToken &&
    isCompared(expression.left, expression.right);
}

/** `+` with a string joins text. */
function isText(node: ts.Node): boolean {
  return ts.isStringLiteralLike(node) || ts.isTemplateExpression(node) ||
    ts.isBinaryExpression(node) &&
      node.operatorToken.kind === ts.SyntaxKind.PlusToken &&
      (isText(node.left) || isText(node.right));
}

/** Whether the file still compiles without this statement, and does something else. */
function canBeDropped(node: ts.Node): boolean {
  if (ts.isExpressionStatement(node)) {
    // `frame satisfies never` only checks a type.
    return !isSuperCall(node.expression) &&
      !ts.isSatisfiesExpression(node.expression);
  }
  return ts.isThrowStatement(node) ||
    ts.isReturnStatement(node) && node.expression === undefined;
}

function isSuperCall(node: ts.Expression): boolean {
  return ts.isCallExpression(node) &&
    node.expression.kind === ts.SyntaxKind.SuperKeyword;
}

/** A mutant's name in lists. It does not depend on the lines before. */
export function describeMutant(mutant: Mutant): string {
  const { file, lineText, before, after, occurrence } = mutant;
  const [first, ...more] = before.split("\n");
  const change = `${first}${more.length > 0 ? "..." : ""} -> ${after}`;
  const which = occurrence === 1 ? "" : ` (number ${occurrence})`;
  return `${file}: ${lineText} [${change}]${which}`;
}

/** The source text with the mutant in it. */
export function withMutant(
  text: string,
  { start, end, after }: Mutant,
): string {
  return text.slice(0, start) + after + text.slice(end);
}

/**
 * The source text with a probe where each mutant would be evaluated: the first
 * time it calls `$reached(number)`. `prelude` declares that function, and the
 * list `$seen` of the numbers that it was called with.
 */
export function withProbes(
  text: string,
  mutants: ReadonlyMap<number, Mutant>,
  prelude: string,
): string {
  const inserts: { at: number; text: string; opens: boolean; size: number }[] =
    [];
  for (const [number, { reachStart, reachEnd, isStatement }] of mutants) {
    const call = `$seen[${number}] || $reached(${number})`;
    const [before, after] = isStatement
      ? [`{ ${call}; `, " }"]
      : [`(${call}, `, ")"];
    const size = reachEnd - reachStart;
    inserts.push({ at: reachStart, text: before, opens: true, size });
    inserts.push({ at: reachEnd, text: after, opens: false, size });
  }
  // At the same offset, a probe ends before another begins, and the outer one begins
  // first and ends last.
  inserts.sort((a, b) =>
    a.at - b.at || Number(a.opens) - Number(b.opens) ||
    (a.opens ? b.size - a.size : a.size - b.size)
  );
  let result = prelude;
  let from = 0;
  for (const { at, text: inserted } of inserts) {
    result += text.slice(from, at) + inserted;
    from = at;
  }
  return result + text.slice(from);
}
