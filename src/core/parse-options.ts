import type { z } from "zod";
import { ConfigError } from "./errors.ts";
import { nearestName } from "./names.ts";
import { keyPath, problemOf } from "./schema-issue.ts";

/**
 * Options of a library call checked against their schema, defaults filled in.
 *
 * @param where names the call in errors: `FM`, `train`
 * @throws ConfigError with every problem in `details.problems`
 */
export function parseOptions<Schema extends z.ZodObject>(
  schema: Schema,
  options: unknown,
  where: string,
): z.output<Schema> {
  const result = schema.safeParse(options);
  if (result.success) return result.data;
  const known = Object.keys(schema.shape);
  const problems = result.error.issues.map((issue) => {
    if (issue.code === "unrecognized_keys") {
      const key = keyPath([...issue.path, ...issue.keys]);
      return { key, message: `unknown option ${key}` };
    }
    const { path, message, received } = problemOf(issue, options);
    const key = keyPath(path);
    return { key, message: `${key}: ${message}; it is ${received}` };
  });
  const near = nearestName(problems[0].key, known);
  throw new ConfigError(`${where}: ${problems[0].message}`, {
    details: { problems: problems.map(({ message }) => message) },
    hint:
      near === undefined || near === problems[0].key
        ? `options: ${known.join(", ")}`
        : `did you mean ${near}?`,
    cause: result.error,
  });
}
