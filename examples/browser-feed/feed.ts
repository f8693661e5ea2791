/**
 * A feed that ranks itself on the device and learns from what is opened. There is no server: the model, the items
 * and this program are static files, and what the visitor does stays in the browser.
 */
import {
  ConflictError,
  type DeviceStore,
  indexedDbStore,
  loadBundle,
  type LocalEvent,
  memoryStore,
  type RankedCandidate,
  Ranker,
  Tuner,
  wasmEngine,
} from "millrace/browser";
import { categoryName, headline } from "./names.ts";
import { type Item, Session } from "./session.ts";
import { FeedView } from "./view.ts";

/** Cards on the page, and how many of one category among them. */
const CARDS = 12;
const MOST_OF_CATEGORY = 4;

const view = new FeedView();
start().catch((error: unknown) => {
  view.fail(error instanceof Error ? error.message : String(error));
  throw error;
});

async function start(): Promise<void> {
  const bundle = await loadBundle("feed.millrace", {
    onProgress: ({ received, total }) => view.loading(total === undefined ? undefined : received / total),
  });
  const items = await loadItems("items.json");
  const wasmUrl = new URL("ort-wasm-simd-threaded.wasm", document.baseURI).href;
  const ranker = await Ranker.create(bundle, { engine: await wasmEngine({ wasmUrl }) });
  const store = await lastingStore();
  const tuner = await Tuner.open(ranker, { name: "feed", store, learningRate: 0.005, anchor: 2 });
  const session = await Session.open(store);
  const feed = new Feed(ranker, tuner, session, items);
  await feed.show();
  view.ready({ modelBytes: bundle.bytes, start: tuner.start });
}

async function loadItems(address: string): Promise<Item[]> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: the server answered ${response.status}`);
  try {
    return (await response.json()) as Item[];
  } catch (cause) {
    throw new Error(`${address} is no list of items: ${(cause as Error).message}`, { cause });
  }
}

/** IndexedDB, or memory where the browser keeps nothing. */
async function lastingStore(): Promise<DeviceStore> {
  const store = indexedDbStore("millrace-feed");
  try {
    await store.get("session");
    return orMemory(store);
  } catch {
    view.keepsNothing();
    return memoryStore();
  }
}

/** A store that goes on in memory with what the browser does not keep, as when the disk is full. */
function orMemory(lasting: DeviceStore): DeviceStore {
  const memory = memoryStore();
  const inMemory = new Set<string>();
  const storeOf = (key: string): DeviceStore => (inMemory.has(key) ? memory : lasting);
  const write = async (key: string, by: (store: DeviceStore) => Promise<void>): Promise<void> => {
    try {
      return await by(storeOf(key));
    } catch (error) {
      if (error instanceof ConflictError || inMemory.has(key)) throw error;
      await memory.set(key, await lasting.get(key));
      inMemory.add(key);
      view.keepsNothing();
      await by(memory);
    }
  };
  return {
    get: (key) => storeOf(key).get(key),
    set: (key, value) => write(key, (store) => store.set(key, value)),
    delete: (key) => write(key, (store) => store.delete(key)),
    update: (key, change) => write(key, async (store) => await store.update?.(key, change)),
  };
}

class Feed {
  readonly #ranker: Ranker;
  readonly #tuner: Tuner;
  readonly #session: Session;
  readonly #items: readonly Item[];
  #shown: readonly Item[] = [];
  #places = new Map<number, number>();
  #busy = false;

  constructor(ranker: Ranker, tuner: Tuner, session: Session, items: readonly Item[]) {
    this.#ranker = ranker;
    this.#tuner = tuner;
    this.#session = session;
    this.#items = items;
  }

  /** Ranks what was neither opened nor hidden, and draws it. */
  async show(): Promise<void> {
    const { opened, dismissed, trials } = this.#session;
    const gone = new Set([...opened.map(({ item_id }) => item_id), ...dismissed]);
    const candidates = this.#items.filter(({ item_id }) => !gone.has(item_id));
    const context = this.#session.context();
    const ranked = await this.#ranker.rank({
      context,
      candidates: candidates as (Item & { [column: string]: number })[],
    });
    const before = this.#places;
    this.#places = new Map(ranked.map(({ candidate }, place) => [candidate.item_id, place]));
    const cards = varied(ranked);
    this.#shown = cards.map(({ candidate }) => candidate);
    view.feed(
      cards.map(({ candidate, predictions }) => {
        const { item_id, category, subcategory } = candidate;
        const place = this.#places.get(item_id) as number;
        return {
          item: candidate,
          title: headline(item_id, category, subcategory),
          topic: categoryName(category),
          chance: predictions.click,
          risen: before.size === 0 ? 0 : (before.get(item_id) ?? place) - place,
          open: () => void this.#act(() => this.#open(candidate)),
          hide: () => void this.#act(() => this.#hide(candidate)),
        };
      }),
    );
    view.learnt({
      clicks: opened.length,
      steps: this.#tuner.steps,
      trials,
      interests: interests(ranked),
      opened: opened.slice(-5).map(({ item_id, category, subcategory }) => ({
        title: headline(item_id, category, subcategory),
        topic: categoryName(category),
      })),
      forget: () => void this.#act(() => this.#forget()),
    });
  }

  /** One thing at a time: a second click waits for nothing, it is left out. */
  async #act(what: () => Promise<void>): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    view.busy(true);
    try {
      await what();
    } catch (error) {
      if (error instanceof ConflictError) {
        // What the other tab has learnt stays; this one cannot add to it without having it.
        view.say(
          "This feed is open in another tab that has learnt meanwhile, so your last choice was not kept. Reload this page to go on from there.",
        );
        return;
      }
      view.say(`That did not work: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      this.#busy = false;
      view.busy(false);
    }
  }

  /** What stood above an opened card was seen and passed over; what stood below may not have been seen. */
  async #open(item: Item): Promise<void> {
    const place = this.#shown.findIndex(({ item_id }) => item_id === item.item_id);
    const passed = this.#shown.flatMap((other, k) =>
      k === place ? [] : [{ ...this.#session.event(other, k, false), weight: k < place ? 1 : 0.3 }],
    );
    await this.#learn([...passed, this.#session.event(item, place, true)]);
    this.#session.opened.push(item);
    await this.#session.save();
    await this.show();
    view.moveTo(place, `Opened “${headline(item.item_id, item.category, item.subcategory)}”.`);
  }

  async #hide(item: Item): Promise<void> {
    const place = this.#shown.findIndex(({ item_id }) => item_id === item.item_id);
    await this.#learn([this.#session.event(item, place, false)]);
    this.#session.dismissed.push(item.item_id);
    await this.#session.save();
    await this.show();
    view.moveTo(place, `Hidden: “${headline(item.item_id, item.category, item.subcategory)}”.`);
  }

  /** Measures first, so that the figures are of events that the model had not seen; then learns. */
  async #learn(events: readonly LocalEvent[]): Promise<void> {
    const shipped = await this.#tuner.evaluate(events, { model: "shipped" });
    const tuned = await this.#tuner.evaluate(events);
    this.#session.trials.push({ shipped: shipped.loss as number, tuned: tuned.loss as number });
    this.#session.remember(events);
    await this.#tuner.learn(this.#session.events, { epochs: 2 });
    await this.#tuner.save();
  }

  async #forget(): Promise<void> {
    await this.#tuner.reset();
    await this.#session.forget();
    this.#places = new Map();
    await this.show();
    view.moveTo(0, "Forgotten: the feed ranks as it was shipped.");
  }
}

type Ranked = RankedCandidate<Item & { [column: string]: number }>;

/** The best cards, no category more than a few times, so that there is always something else to open. */
function varied(ranked: readonly Ranked[]): readonly Ranked[] {
  const seen = new Map<number, number>();
  const cards = ranked.filter(({ candidate: { category } }) => {
    const count = (seen.get(category) ?? 0) + 1;
    seen.set(category, count);
    return count <= MOST_OF_CATEGORY;
  });
  return cards.slice(0, CARDS);
}

/** Mean chance of a click by category, the five highest. */
function interests(ranked: readonly Ranked[]): { topic: string; category: number; chance: number }[] {
  const sums = new Map<number, { sum: number; count: number }>();
  for (const { candidate, predictions } of ranked) {
    const one = sums.get(candidate.category) ?? { sum: 0, count: 0 };
    sums.set(candidate.category, { sum: one.sum + predictions.click, count: one.count + 1 });
  }
  return [...sums]
    .map(([category, { sum, count }]) => ({ topic: categoryName(category), category, chance: sum / count }))
    .sort((a, b) => b.chance - a.chance)
    .slice(0, 5);
}
