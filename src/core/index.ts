export { clock } from "./clock.ts";
export { mapKeysDeep, nearestName, toCamelCase, toSnakeCase } from "./names.ts";
export {
  assert,
  ConfigError,
  DataError,
  DivergedError,
  EngineError,
  type ErrorDetails,
  InterruptedError,
  MillraceError,
  type MillraceErrorOptions,
  ShapeError,
} from "./errors.ts";
export { logOdds, sigmoid } from "./log-odds.ts";
export { median } from "./median.ts";
export { parseOptions } from "./parse-options.ts";
export { CounterRandom, hashKey, mix32 } from "./random.ts";
export { repeat } from "./repeat.ts";
export { keyPath, problemOf, type SchemaProblem } from "./schema-issue.ts";
