/** What a schema refuses, as one sentence that names the key, what was expected and the nearest known name. */
import { z } from "zod";
import { ConfigError, keyPath, nearestName, problemOf, toSnakeCase } from "../core/index.ts";

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
  const key = keyPath(issue.path, show);
  if (issue.code === "unrecognized_keys") {
    const known = knownKeys(schema, issue.path);
    const unknown = issue.keys[0];
    const near = nearestName(unknown, known);
    return {
      key: keyPath([...issue.path, unknown], show),
      message: `config${key === "" ? "" : ` ${key}`}: unknown key ${show(unknown)}`,
      hint:
        near !== undefined
          ? // Who wrote the one form where the other is known must be told of the other.
            `did you mean ${show(near) === unknown ? near : show(near)}?`
          : known.length === 0
            ? undefined
            : `known keys: ${known.map(show).join(", ")}`,
    };
  }
  const { path, message, received } = problemOf(issue, input);
  const at = keyPath(path, show);
  return { key: at, message: `config ${at}: ${message}; it is ${received}` };
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
