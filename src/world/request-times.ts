/**
 * When a user's requests happen, and in which feed. Times are uniform over days and follow `hourWeights` within
 * one; a share of requests instead follows another by an exponential few minutes, in the same feed (a burst).
 * Two requests of a user are never in the same second.
 */
import type { Effects } from "./effects.ts";
import * as law from "./law.ts";
import type { ResolvedWorldOptions } from "./options.ts";
import { drawIndex, exponentialAt, uniformAt } from "./stream.ts";

export interface RequestTimes {
  /** Ascending, seconds since the start of day 0. */
  readonly times: Int32Array;
  readonly domains: Uint8Array;
}

/**
 * @param key the user's stream for this period
 * @param count requests to place
 * @param firstDay,endDay the period: firstDay ≤ day < endDay
 */
export function makeRequestTimes(
  options: ResolvedWorldOptions,
  effects: Effects,
  cluster: number,
  key: number,
  count: number,
  firstDay: number,
  endDay: number,
): RequestTimes {
  const begin = firstDay * law.daySeconds;
  const span = (endDay - firstDay) * law.daySeconds;
  const knownDomains = options.domainLogits.length;
  const testBegin = (options.trainDays + options.validDays) * law.daySeconds;
  const ordered = new Float64Array(count);
  const drawnDomains = new Uint8Array(count);
  let time = 0;
  let domain = 0;
  for (let j = 0; j < count; j++) {
    const burst = j > 0 && uniformAt(key, 8 * j) < options.burstiness;
    const after = burst
      ? time + 1 + Math.floor(law.burstGapSeconds * exponentialAt(key, 8 * j + 1))
      : begin + span;
    if (after < begin + span) {
      time = after;
    } else {
      const day = firstDay + Math.floor(uniformAt(key, 8 * j + 2) * (endDay - firstDay));
      const hour = drawIndex(effects.hours, 0, 24, uniformAt(key, 8 * j + 3));
      time = day * law.daySeconds + hour * 3600 + Math.floor(3600 * uniformAt(key, 8 * j + 4));
      domain =
        drawIndex(
          effects.domain,
          cluster * knownDomains,
          (cluster + 1) * knownDomains,
          uniformAt(key, 8 * j + 5),
        ) -
        cluster * knownDomains;
    }
    const inNewFeed = time >= testBegin && uniformAt(key, 8 * j + 6) < options.testFeedShare;
    drawnDomains[j] = inNewFeed ? knownDomains : domain;
    // Time and draw number in one exact number, so that a numeric sort orders by time and breaks ties.
    ordered[j] = (time - begin) * 2 ** 24 + j;
  }
  ordered.sort();
  const times = new Int32Array(count);
  const domains = new Uint8Array(count);
  let previous = begin - 1;
  for (let j = 0; j < count; j++) {
    previous = Math.max(begin + Math.floor(ordered[j] / 2 ** 24), previous + 1);
    times[j] = previous;
    domains[j] = drawnDomains[ordered[j] % 2 ** 24];
  }
  // Pushing equal seconds apart may have run past the end.
  let next = begin + span;
  for (let j = count - 1; j >= 0 && times[j] >= next; j--) {
    next--;
    times[j] = next;
  }
  return { times, domains };
}
