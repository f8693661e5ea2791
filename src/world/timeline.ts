/**
 * One user's life in the log: requests in time order, each with its slate, the feedback to it, and the history
 * that feedback becomes. A timeline depends on the world's options and the user's number only, so that any row
 * can be made again without the others, on any thread.
 */
import type { CandidateColumns } from "./candidates.ts";
import type { RequestColumns, RowColumns } from "./columns.ts";
import { periodOf } from "./effects.ts";
import { type Feedback, FeedbackLaw, type RequestContext } from "./feedback.ts";
import { HistoryEffect } from "./history-effect.ts";
import * as law from "./law.ts";
import { LoggingPolicy } from "./policy.ts";
import { PersonMaker } from "./population.ts";
import { makeRequestTimes } from "./request-times.ts";
import { exponentialAt, normalAt, streamKey, subkey, uniformAt } from "./stream.ts";
import type { World } from "./world.ts";

/** A user's clicks in time order. */
export interface Clicks {
  readonly items: number[];
  readonly times: number[];
}

/** The counters of one slot's labels. */
const labelDraws = { click: 0, like: 1, conversion: 2, delay: 3, dwell: 4, hide: 5, stride: 8 } as const;

export class TimelineMaker {
  readonly #world: World;
  readonly #people: PersonMaker;
  readonly #policy: LoggingPolicy;
  readonly #feedback: FeedbackLaw;
  readonly #history: HistoryEffect;
  readonly #seen: Uint16Array;
  readonly #key: number;
  readonly #sampleKey: number;
  #shown: number[] = [];
  #clicks: Clicks = { items: [], times: [] };

  constructor(world: World) {
    const { options, effects, catalogue, population } = world;
    this.#world = world;
    this.#people = new PersonMaker(options, effects, population);
    this.#policy = new LoggingPolicy(options, catalogue);
    this.#feedback = new FeedbackLaw(options, effects, population, catalogue);
    this.#history = new HistoryEffect(options, effects.historyMatrix);
    this.#seen = new Uint16Array(options.items);
    this.#key = streamKey(options.seed, "timeline");
    this.#sampleKey = streamKey(options.seed, "timeline", "sampled");
  }

  /** Writes the user's requests and rows at their places, appends candidates, and returns the clicks. */
  make(user: number, requests: RequestColumns, rows: RowColumns, candidates: CandidateColumns): Clicks {
    const { options, effects, population } = this.#world;
    const own = subkey(this.#key, user);
    const person = this.#people.make(user);
    const cluster = population.cluster[user];
    const first = population.requestStart[user];
    const days = options.trainDays + options.validDays + options.testDays;
    this.#history.clear();
    for (const item of this.#shown) this.#seen[item] = 0;
    this.#shown = [];
    this.#clicks = { items: [], times: [] };
    let facing: number | undefined;

    const live = (key: number, count: number, firstDay: number, endDay: number, written: boolean) => {
      const { times, domains } = makeRequestTimes(
        options,
        effects,
        cluster,
        subkey(key, 0),
        count,
        firstDay,
        endDay,
      );
      for (let j = 0; j < count; j++) {
        const time = times[j];
        const day = Math.floor(time / law.daySeconds);
        const itemDay = this.#world.itemDays.day(day);
        if (day !== facing) this.#policy.face(person.taste, itemDay);
        facing = day;
        const period = periodOf(day, options.changeDays);
        const context: RequestContext = {
          user,
          person,
          domain: domains[j],
          hour: Math.floor((time - day * law.daySeconds) / 3600),
          day: itemDay,
          dayLogit: effects.dayLogit[day + options.warmupDays],
          period,
          history: this.#history.at(time, period),
        };
        const request = written ? first + j : undefined;
        if (request !== undefined) {
          requests.user[request] = user;
          requests.time[request] = time;
          requests.domain[request] = domains[j];
          requests.historyLength[request] = this.#clicks.items.length;
        }
        this.#liveRequest(subkey(key, j + 1), context, time, request, rows, candidates);
      }
    };
    const warmup = population.warmupStart[user + 1] - population.warmupStart[user];
    if (warmup > 0) live(subkey(own, 0), warmup, -options.warmupDays, 0, false);
    live(subkey(own, 1), population.requestStart[user + 1] - first, 0, days, true);
    return this.#clicks;
  }

  #liveRequest(
    key: number,
    context: RequestContext,
    time: number,
    request: number | undefined,
    rows: RowColumns,
    candidates: CandidateColumns,
  ): void {
    const { options } = this.#world;
    const sampled = request !== undefined && uniformAt(this.#sampleKey, request) < options.candidateShare;
    const policy = this.#policy;
    policy.draw(subkey(key, 0), sampled ? options.candidates : law.slateSize);
    if (request !== undefined && sampled) this.#keepCandidates(context, request, candidates);

    const draws = subkey(key, 1);
    for (let slot = 0; slot < law.slateSize; slot++) {
      const item = policy.items[slot];
      const seen = this.#seen[item];
      const feedback = this.#feedback.of(context, item, slot + 1, seen);
      const counter = slot * labelDraws.stride;
      const clicked = uniformAt(draws, counter + labelDraws.click) < feedback.click;
      if (request !== undefined) {
        writeRow(rows, request * law.slateSize + slot, policy, slot, seen, clicked, feedback, draws, options);
      }
      if (seen === 0) this.#shown.push(item);
      if (seen < 65_535) this.#seen[item] = seen + 1;
      if (clicked) {
        this.#clicks.items.push(item);
        this.#clicks.times.push(time);
      }
    }
    // Only now: rows of one request share the history before it.
    for (let c = this.#clicks.times.length - 1; c >= 0 && this.#clicks.times[c] === time; c--) {
      this.#history.click(this.#world.catalogue.category[this.#clicks.items[c]]);
    }
  }

  /** Candidates are judged as if shown at position 1, so that they can be compared. */
  #keepCandidates(context: RequestContext, request: number, candidates: CandidateColumns): void {
    const policy = this.#policy;
    for (let c = 0; c < this.#world.options.candidates; c++) {
      const item = policy.items[c];
      const seen = this.#seen[item];
      candidates.add(
        request,
        c < law.slateSize ? c + 1 : 0,
        item,
        seen,
        policy.propensities[c],
        this.#feedback.of(context, item, 1, seen),
      );
    }
  }
}

function writeRow(
  rows: RowColumns,
  row: number,
  policy: LoggingPolicy,
  slot: number,
  seen: number,
  clicked: boolean,
  feedback: Feedback,
  draws: number,
  { conversionDelayDays }: { readonly conversionDelayDays: number },
): void {
  const counter = slot * labelDraws.stride;
  const converted =
    clicked && uniformAt(draws, counter + labelDraws.conversion) < feedback.conversionGivenClick;
  const { click, sd } = law.dwell;
  const dwellLogMean = feedback.dwellLogMean + (clicked ? click : 0);
  const meanFactor = Math.exp(feedback.dwellLogMean + (sd * sd) / 2);
  rows.item[row] = policy.items[slot];
  rows.propensity[row] = policy.propensities[slot];
  rows.byAffinity[row] = policy.byAffinity[slot];
  rows.frequency[row] = seen;
  rows.click[row] = clicked ? 1 : 0;
  rows.trueClick[row] = feedback.click;
  rows.like[row] = uniformAt(draws, counter + labelDraws.like) < feedback.like ? 1 : 0;
  rows.trueLike[row] = feedback.like;
  rows.conversion[row] = converted ? 1 : 0;
  rows.trueConversion[row] = feedback.click * feedback.conversionGivenClick;
  rows.trueConversionGivenClick[row] = feedback.conversionGivenClick;
  rows.conversionDelay[row] = converted
    ? conversionDelayDays * law.daySeconds * exponentialAt(draws, counter + labelDraws.delay)
    : 0;
  rows.dwell[row] = Math.exp(dwellLogMean + sd * normalAt(draws, counter + labelDraws.dwell));
  rows.trueDwell[row] = meanFactor * (1 - feedback.click + feedback.click * Math.exp(click));
  rows.hide[row] = uniformAt(draws, counter + labelDraws.hide) < feedback.hide ? 1 : 0;
  rows.trueHide[row] = feedback.hide;
}
