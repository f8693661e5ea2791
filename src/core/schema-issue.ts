/**
 * What a schema has to say against a value, in our words: where, what was expected, what came. Zod's own texts
 * speak of types of JavaScript; a schema's own message is kept as it is.
 */
import type { z } from "zod";

type Issue = z.core.$ZodIssue;

export interface SchemaProblem {
  readonly path: readonly PropertyKey[];
  /** `expected a whole number`, `expected one of a, b`; a schema's own sentence where it has one. */
  readonly message: string;
  /** The value in JSON, shortened; `nothing` where there is none. */
  readonly received: string;
}

/**
 * Where an issue is, what was expected there and what is there. Of a union it is the complaint of the branch that
 * came furthest, since "no branch fits" helps nobody.
 */
export function problemOf(issue: Issue, input: unknown): SchemaProblem {
  const { path, message, ...rest } = deepest(issue);
  const value = valueAt(input, path);
  // Zod's texts begin so; those that schemas bring along do not.
  const ours = !/^(Invalid|Too (small|big)|Unrecognized)\b/.test(message);
  return {
    path,
    message: ours ? message : `expected ${expectedBy({ path, message, ...rest } as Issue, value)}`,
    received: shownValue(value),
  };
}

/** `features[2].min_count` @param show a key as the user writes it */
export function keyPath(path: readonly PropertyKey[], show: (key: string) => string = (key) => key): string {
  return path
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${show(String(part))}`))
    .join("")
    .replace(/^\./, "");
}

function expectedBy(issue: Issue, value: unknown): string {
  switch (issue.code) {
    case "invalid_type":
      return nameOf(issue.expected, value);
    case "invalid_value":
      return issue.values.length === 1
        ? String(issue.values[0])
        : `one of ${issue.values.map(String).join(", ")}`;
    case "too_small":
      return sized(issue.origin, Number(issue.minimum), issue.inclusive === false ? "more than" : "at least");
    case "too_big":
      return sized(issue.origin, Number(issue.maximum), issue.inclusive === false ? "less than" : "at most");
    case "not_multiple_of":
      return `a multiple of ${issue.divisor}`;
    case "invalid_format":
      return issue.format === "regex" && "pattern" in issue
        ? `a text like ${String(issue.pattern)}`
        : `a text that is a valid ${issue.format}`;
    case "unrecognized_keys":
      return `no key ${issue.keys.join(", ")}`;
    default:
      return "another value";
  }
}

const names: { readonly [type: string]: string } = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
  null: "nothing",
};

function nameOf(expected: string, value: unknown): string {
  // What JSON writes as null came from a number that is none.
  return typeof value === "number" && expected === "number"
    ? "a finite number"
    : (names[expected] ?? expected);
}

function sized(origin: string, limit: number, relation: string): string {
  if (origin === "string")
    return `a text of ${relation} ${limit} ${limit === 1 ? "character" : "characters"}`;
  if (origin === "array" || origin === "set" || origin === "map") {
    return `${relation} ${limit} ${limit === 1 ? "entry" : "entries"}`;
  }
  return `a number of ${relation} ${limit}`;
}

function shownValue(value: unknown): string {
  if (value === undefined) return "nothing";
  let shown: string;
  try {
    shown = JSON.stringify(value) ?? String(value);
  } catch {
    return "nested too deeply to be shown";
  }
  return shown.length > 60 ? `${shown.slice(0, 57)}...` : shown;
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const part of path) {
    if (value === null || typeof value !== "object") return undefined;
    value = (value as { readonly [key: PropertyKey]: unknown })[part];
  }
  return value;
}

function deepest(issue: Issue, path: readonly PropertyKey[] = []): Issue {
  const here = { ...issue, path: [...path, ...issue.path] } as Issue;
  if (issue.code !== "invalid_union") return here;
  const branches = issue.errors.flatMap((issues) =>
    issues[0] === undefined ? [] : [deepest(issues[0], here.path)],
  );
  if (branches.length === 0) return here;
  const furthest = branches.reduce((a, b) => (b.path.length > a.path.length ? b : a));
  if (furthest.path.length > here.path.length) return furthest;
  const types = branches.flatMap((branch) =>
    branch.code === "invalid_type" ? [names[branch.expected] ?? branch.expected] : [],
  );
  // Branches that differ in type alone are named side by side.
  if (types.length !== branches.length) return furthest;
  return { ...here, code: "custom", message: `expected ${[...new Set(types)].join(" or ")}` } as Issue;
}
