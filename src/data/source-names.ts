/** Column names: typed headers, names said twice, names left empty. */
import { DataError } from "../core/index.ts";
import type { ValueType } from "../schema/index.ts";
import type { SourceNote } from "./source-spec.ts";

const ATOMIC_TYPES: Readonly<Record<string, ValueType>> = {
  token: "string",
  float: "float64",
  token_seq: "string",
  float_seq: "string",
};

/** RecBole's "atomic file" headers, such as `user_id:token`: names and types apart; undefined for plain headers. */
export function typedNames(
  header: readonly string[],
): { names: string[]; types: Record<string, ValueType>; lists: string[] } | undefined {
  const names: string[] = [];
  const types: Record<string, ValueType> = {};
  const lists: string[] = [];
  for (const field of header) {
    const [, name, type] = /^(.+):(token|float|token_seq|float_seq)$/.exec(field.trim()) ?? [];
    if (name === undefined) return undefined;
    names.push(name);
    types[name] = ATOMIC_TYPES[type];
    if (type.endsWith("_seq")) lists.push(name);
  }
  return names.length === 0 ? undefined : { names, types, lists };
}

/**
 * Names as they will be used: an empty one becomes `column<position>` and is noted.
 *
 * @throws DataError for a name given twice (letter case does not tell columns apart), and for `__proto__`,
 * which no object keyed by names can hold
 */
export function checkNames(file: string, names: readonly string[], notes: SourceNote[]): string[] {
  const checked = names.map((name, k) => {
    const trimmed = name.trim();
    if (trimmed !== "") return trimmed;
    const given = `column${k}`;
    const text = `${file}: column ${k + 1} has no name and is called ${given}`;
    notes.push({ kind: "empty-name", file, column: given, count: 1, text });
    return given;
  });
  const seen = new Map<string, number>();
  for (const [k, name] of checked.entries()) {
    if (name === "__proto__") {
      throw new DataError(
        `${file}: column ${k + 1} is called __proto__, a name that JavaScript keeps for itself`,
        {
          details: { file, row: 1, column: name, expected: "another name", received: name },
          hint: "rename it in the file",
        },
      );
    }
    const before = seen.get(name.toLowerCase());
    if (before !== undefined) {
      throw new DataError(
        `${file}: columns ${before + 1} and ${k + 1} have the same name: ${checked[before]}` +
          (checked[before] === name ? "" : ` and ${name} (letter case does not count)`),
        {
          details: {
            file,
            row: 1,
            column: name,
            expected: "a name of its own for every column",
            received: name,
          },
          hint: "rename one of them in the file",
        },
      );
    }
    seen.set(name.toLowerCase(), k);
  }
  return checked;
}
