/** What an inspection chose, in a few lines. */
import type { InspectReport } from "../data/index.ts";
import { count } from "./text-table.ts";

export function inspectionNotices({ rows, label, guess, notes }: InspectReport): string[] {
  const features = guess.columns.filter(({ use }) => use === "feature");
  const kinds = new Map<string, number>();
  for (const { feature } of features) {
    const kind = feature?.kind ?? "other";
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  const lines = [
    `${count(rows)} rows; label ${label?.name}: ${label?.reason}`,
    `features: ${[...kinds].map(([kind, number]) => `${number} ${kind}`).join(", ")}`,
  ];
  const leftOut = guess.columns.filter(({ use }) => use === "left-out");
  for (const { column, reason } of leftOut) lines.push(`left out ${column}: ${reason}`);
  const { group, domain, weight, timestamp } = guess;
  const roles = Object.entries({ group, domain, weight, timestamp: timestamp?.column }).flatMap(
    ([role, column]) => (column === undefined ? [] : [`${role} ${column}`]),
  );
  if (roles.length > 0) lines.push(`roles: ${roles.join(", ")}`);
  return [...lines, ...notes.map(({ text }) => `note: ${text}`)];
}
