export { type ExampleConfigOptions, exampleConfig } from "./example-config.ts";
export { type GenerateWorldOptions, generateWorld, type WorldProgress } from "./generate.ts";
export { type SplitName, readWorldManifest, type WorldManifest, type WorldSplit } from "./manifest.ts";
export {
  type ResolvedWorldOptions,
  resolveWorldOptions,
  type WorldOptions,
  worldOptionsSchema,
} from "./options.ts";
export { type OracleFigures, oracleFigures } from "./oracle.ts";
