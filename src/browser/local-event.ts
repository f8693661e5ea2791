/** What happened on the device: a row as it was shown, and how the user took it. */
import { DataError } from "../core/index.ts";
import type { FeatureMap, RawRow } from "../schema/index.ts";

export interface LocalEvent {
  /** Raw values as they were when the row was shown: candidate and context together. */
  readonly row: RawRow;
  /** Labels by name: 0 or 1, any number for a real label. Labels that are not known yet are left out. */
  readonly labels: { readonly [label: string]: number };
  /** How much the event counts. @default 1 */
  readonly weight?: number;
}

/**
 * Checks events before anything is learnt from them.
 *
 * @param labels what the model predicts
 * @throws DataError naming the event
 */
export function checkEvents(events: readonly LocalEvent[], labels: readonly string[], map: FeatureMap): void {
  const real = new Set(map.labels.filter(({ kind }) => kind === "real").map(({ name }) => name));
  for (const [index, event] of events.entries()) {
    const { row, labels: given, weight = 1 } = event ?? {};
    const fail = (
      problem: string,
      details: { readonly [field: string]: unknown },
      hint?: string,
    ): DataError =>
      new DataError(`event ${index}: ${problem}`, { details: { event: index, ...details }, hint });
    if (typeof row !== "object" || row === null) throw fail("it has no row of raw values", { row });
    const names = Object.keys(given ?? {});
    if (names.length === 0) throw fail("it has no label", {}, `labels are ${labels.join(", ")}`);
    for (const name of names) {
      const value = given[name];
      if (!labels.includes(name)) {
        throw fail(
          `the model does not predict "${name}"`,
          { label: name },
          `labels are ${labels.join(", ")}`,
        );
      }
      if (real.has(name) ? !Number.isFinite(value) : value !== 0 && value !== 1) {
        throw fail(`${name} is ${String(value)}, expected ${real.has(name) ? "a number" : "0 or 1"}`, {
          label: name,
          value,
        });
      }
    }
    if (!(Number.isFinite(weight) && weight >= 0)) {
      throw fail(`its weight is ${weight}, expected a number from 0 on`, { weight });
    }
  }
}
