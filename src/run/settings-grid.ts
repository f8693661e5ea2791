/** Grids of settings: every combination of the values given for some keys. */
import { ConfigError, CounterRandom } from "../core/index.ts";

/** Settings of one trial, as `--set` takes them. */
export type GridPoint = readonly string[];

/**
 * All combinations, the last key's values changing fastest. Values are separated by commas outside of
 * brackets and quotes: `model.hidden_units=[64,32],[128]` has two.
 *
 * @param axes such as `training.learning_rate=0.0003,0.001`
 * @throws ConfigError for an axis without values, or one key twice
 */
export function settingsGrid(axes: readonly string[]): GridPoint[] {
  const keys = new Set<string>();
  let points: GridPoint[] = [[]];
  for (const axis of axes) {
    const at = axis.indexOf("=");
    const key = axis.slice(0, at);
    const values = at <= 0 ? [] : splitValues(axis.slice(at + 1));
    if (values.length === 0 || values.some((value) => value === "")) {
      throw new ConfigError(`a grid's axis is key=value,value,…, not "${axis}"`, {
        details: { axis },
        hint: "for example training.learning_rate=0.0003,0.001,0.003",
      });
    }
    if (keys.has(key)) throw new ConfigError(`the grid has ${key} twice`, { details: { key } });
    keys.add(key);
    points = points.flatMap((point) => values.map((value) => [...point, `${key}=${value}`]));
  }
  return points;
}

/** Some of the points, drawn without repetition by a seed, in the grid's order. */
export function drawPoints(points: readonly GridPoint[], trials: number, seed: number): GridPoint[] {
  if (trials >= points.length) return [...points];
  const random = new CounterRandom(seed, "grid");
  const order = points.map((_, k) => ({ k, draw: random.uint32(k) }));
  const chosen = new Set(
    order
      .sort((a, b) => a.draw - b.draw || a.k - b.k)
      .slice(0, trials)
      .map(({ k }) => k),
  );
  return points.filter((_, k) => chosen.has(k));
}

function splitValues(text: string): string[] {
  const values: string[] = [];
  let depth = 0;
  let quote: string | undefined;
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (quote !== undefined) quote = character === quote ? undefined : quote;
    else if (character === '"' || character === "'") quote = character;
    else if (character === "[" || character === "{") depth++;
    else if (character === "]" || character === "}") depth--;
    else if (character === "," && depth === 0) {
      values.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  values.push(text.slice(start).trim());
  return values;
}
