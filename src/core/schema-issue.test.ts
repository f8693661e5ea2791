import { expect, test } from "vitest";
import { z } from "zod";
import { keyPath, problemOf } from "./schema-issue.ts";

const schema = z.strictObject({
  name: z.string().min(1),
  size: z.int().min(1),
  share: z.number().gt(0).max(1).optional(),
  kind: z.enum(["near", "far"]).optional(),
  ids: z
    .array(z.union([z.string(), z.number()]))
    .max(2)
    .optional(),
  shape: z.union([z.strictObject({ width: z.number() }), z.array(z.number())]).optional(),
  span: z
    .string()
    .refine((text) => text.endsWith("s"), "expected seconds such as 5s")
    .optional(),
});

/** `path: message; it is value`, as errors put it. */
function told(input: unknown): string {
  const { error } = schema.safeParse(input);
  const { path, message, received } = problemOf((error as z.ZodError).issues[0], input);
  return `${keyPath(path)}: ${message}; it is ${received}`;
}

test.each([
  [{ size: 1 }, "name: expected a text; it is nothing"],
  [{ name: "", size: 1 }, 'name: expected a text of at least 1 character; it is ""'],
  [{ name: "a", size: 0 }, "size: expected a number of at least 1; it is 0"],
  [{ name: "a", size: 1.5 }, "size: expected a whole number; it is 1.5"],
  [{ name: "a", size: 1, share: 0 }, "share: expected a number of more than 0; it is 0"],
  [{ name: "a", size: 1, kind: "high" }, 'kind: expected one of near, far; it is "high"'],
  [{ name: "a", size: 1, ids: ["x", true] }, "ids[1]: expected a text or a number; it is true"],
  [{ name: "a", size: 1, ids: [1, 2, 3] }, "ids: expected at most 2 entries; it is [1,2,3]"],
  [{ name: "a", size: 1, shape: { width: "5" } }, 'shape.width: expected a number; it is "5"'],
  [{ name: "a", size: 1, span: "5m" }, 'span: expected seconds such as 5s; it is "5m"'],
  [{ name: "a", size: 1, nmae: 2 }, ': expected no key nmae; it is {"name":"a","size":1,"nmae":2}'],
])("%o is refused in words", (input, expected) => {
  expect(told(input)).toBe(expected);
});
