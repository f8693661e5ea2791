/** What a schema refuses, as one sentence that names the key, what was expected and the nearest known name. */
import { z } from "zod";
import { ConfigError, nearestName, toSnakeCase } from "../core/index.ts";

/**
 * The first issue of a failed parse as a ConfigError; all of them stand in `details.problems`.
 *
 * @param show how keys are written where the user wrote them @default snake_case
 */
export function configError(
  schema: z.ZodType,
  error: z.ZodError,
  input: unknown,
  show: (key: string) => string = toSnakeCase,
): ConfigError {
  const problems = error.issues.map((issue) => describe(schema, issue, input, show));
  const [first] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
  return new ConfigError(`${first.message}${more}`, {
    details: { key: first.key, problems: problems.map(({ message }) => message) },
    hint: first.hint,
  });
}

interface Problem {
  readonly key: string;
  readonly message: string;
  readonly hint?: string;
}

function describe(
  schema: z.ZodType,
  issue: z.core.$ZodIssue,
  input: unknown,
  show: (key: string) => string,
): Problem {
  const key = keyOf(issue.path, show);
  if (issue.code === "unrecognized_keys") {
    const known = knownKeys(schema, issue.path);
    const unknown = issue.keys[0];
    const near = nearestName(unknown, known);
    return {
      key: keyOf([...issue.path, unknown], show),
      message: `config${key === "" ? "" : ` ${key}`}: unknown key ${show(unknown)}`,
      hint:
        near !== undefined
          ? `did you mean ${show(near)}?`
          : known.length === 0
            ? undefined
            : `known keys: ${known.map(show).join(", ")}`,
    };
  }
  const received = valueAt(input, issue.path);
  const shown = received === undefined ? "nothing" : (JSON.stringify(received) ?? String(received));
  const clipped = shown.length > 60 ? `${shown.slice(0, 57)}...` : shown;
  return { key, message: `config ${key}: ${issue.message}; it is ${clipped}` };
}

/** `features[2].min_count` */
function keyOf(path: readonly PropertyKey[], show: (key: string) => string): string {
  return path
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${show(String(part))}`))
    .join("")
    .replace(/^\./, "");
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const part of path) {
    if (value === null || typeof value !== "object") return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** Names that a schema knows at a path, over all alternatives of unions. */
function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at: JsonSchema[] = [z.toJSONSchema(schema, { io: "input" })];
  for (const part of path) {
    at = at.flatMap(alternatives).flatMap((node) => {
      const named = node.properties?.[String(part)] ?? node.additionalProperties;
      const next = typeof part === "number" ? node.items : named;
      return next !== undefined && typeof next === "object" && !Array.isArray(next)
        ? [next as JsonSchema]
        : [];
    });
  }
  return [...new Set(at.flatMap(alternatives).flatMap((node) => Object.keys(node.properties ?? {})))];
}

function alternatives(node: JsonSchema): JsonSchema[] {
  const inner = [...(node.anyOf ?? []), ...(node.oneOf ?? [])] as JsonSchema[];
  return inner.length === 0 ? [node] : inner.flatMap(alternatives);
}
