/** Worlds that recipes train on, generated once. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { generateWorld, readWorldManifest, resolveWorldOptions, type WorldOptions } from "../world/index.ts";
import type { RecipeContext } from "./recipe.ts";

/** Generates the world unless an interrupted call has done so with the same options. */
export async function ensureWorld(
  directory: string,
  options: WorldOptions,
  context: RecipeContext,
): Promise<void> {
  const resolved = resolveWorldOptions(options);
  if (existsSync(join(directory, "manifest.json"))) {
    const manifest = readWorldManifest(directory);
    if (JSON.stringify(manifest.options) === JSON.stringify(resolved)) return;
  }
  context.onLine(`generating a world of ${resolved.impressions.toLocaleString("en-US")} impressions`);
  await generateWorld(options, directory, {
    onProgress: ({ phase, what, done }) =>
      context.onProgress?.({ label: phase === "simulate" ? "simulating" : "writing", done, note: what }),
  });
}
