import type { RecipeResult } from "./results.ts";

/** Code, day and machine of the result, or of its parts where they were measured apart. */
export function measuredWith({ parts = [], ...whole }: RecipeResult): string {
  const placeOf = ({ codeCommit, date, machine }: Pick<RecipeResult, "codeCommit" | "date" | "machine">) =>
    `code ${codeCommit}, ${date.slice(0, 10)}, ${machine}`;
  const places = new Map<string, string[]>();
  for (const part of parts) places.set(placeOf(part), [...(places.get(placeOf(part)) ?? []), part.name]);
  if (places.size === 0) return placeOf(whole);
  if (places.size === 1) return [...places.keys()][0];
  return Array.from(places, ([place, names]) => `${names.join(", ")} with ${place}`).join("; ");
}
