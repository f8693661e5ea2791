/** Widths that layer normalisation leaves something of. */
import { ConfigError } from "../core/index.ts";

/**
 * A single number is its own mean: normalised it is 0 whatever it was, and what follows no longer depends on the row.
 *
 * @param option the width's name in a configuration
 * @param hint what else could be set than the width
 * @throws ConfigError for a width of 1
 */
export function checkNormWidth(
  model: string,
  option: string,
  width: number | readonly number[],
  hint?: string,
): void {
  if (![width].flat().includes(1)) return;
  throw new ConfigError(`${model}: layer normalisation over ${option} 1 makes every value a constant`, {
    details: { option, expected: "at least 2", received: width },
    hint: `set ${option} to 2 or more${hint === undefined ? "" : `, or ${hint}`}`,
  });
}
