/** A JSON file that must have a certain form: what is wrong with it is said with the file's and the field's name. */
import type { z } from "zod";
import { DataError } from "../errors.ts";
import { keyPath, problemOf } from "../schema-issue.ts";
import { readJson } from "./files.ts";

/**
 * The file's whole content, keys included that the schema does not know.
 *
 * @param hint what to do about a file of another form
 * @throws DataError when it is no JSON, or a field is missing or of another type
 */
export function readChecked<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
  hint?: string,
): z.output<Schema> {
  const content = readJson(path);
  const { error } = schema.safeParse(content);
  if (error === undefined) return content as z.output<Schema>;
  const problem = problemOf(error.issues[0], content);
  const field = keyPath(problem.path);
  throw new DataError(
    `${path}: ${field === "" ? "the file" : field}: ${problem.message}; it is ${problem.received}`,
    {
      details: { path, field, expected: problem.message, received: problem.received },
      hint,
      cause: error,
    },
  );
}
