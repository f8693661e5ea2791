/** A feature table on the command line: `users.parquet:user_id`. */
import { resolve } from "node:path";
import { ConfigError } from "../core/index.ts";

/** @throws ConfigError where the file or the key column is missing */
export function tableOption(
  option: string,
  text: string | undefined,
): { file: string; key: string } | undefined {
  if (text === undefined) return undefined;
  const at = text.lastIndexOf(":");
  if (at > 0 && at < text.length - 1) {
    return { file: resolve(text.slice(0, at)), key: text.slice(at + 1) };
  }
  throw new ConfigError(`${option} takes a file and its key column, not "${text}"`, {
    details: { option, received: text },
    hint: `for instance ${option} table.parquet:id`,
  });
}
