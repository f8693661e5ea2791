/** What the visitor did, kept on the device beside what the model learnt from it. */
import type { DeviceStore, LocalEvent, RawRow } from "millrace/browser";

/** An item of the feed, as the world's table has it. */
export interface Item {
  readonly item_id: number;
  readonly category: number;
  readonly subcategory: number;
  readonly format: number;
  readonly price: number;
}

/** Log loss on a click and what was passed over for it, measured before anything was learnt from them. */
export interface Trial {
  readonly shipped: number;
  readonly tuned: number;
}

const KEY = "session";
/** Older events are forgotten, so that learning stays quick. */
const MOST_EVENTS = 240;

export class Session {
  /** Opened items, most recent last: the history that the model reads. */
  opened: Item[] = [];
  dismissed: number[] = [];
  events: LocalEvent[] = [];
  trials: Trial[] = [];
  readonly #store: DeviceStore;

  private constructor(store: DeviceStore) {
    this.#store = store;
  }

  static async open(store: DeviceStore): Promise<Session> {
    const session = new Session(store);
    Object.assign(session, await store.get(KEY));
    return session;
  }

  /** Columns that every candidate shares. The user is one that training never saw. */
  context(now = new Date()): RawRow {
    return {
      user_id: "this device",
      domain: 1,
      hour: now.getHours(),
      position: 1,
      history_items: this.opened.map(({ item_id }) => item_id),
      history_categories: this.opened.map(({ category }) => category),
    };
  }

  /** An item as it was shown in a place of the feed, and whether it was opened. */
  event(item: Item, place: number, opened: boolean): LocalEvent {
    const position = Math.min(place + 1, 10);
    return { row: { ...this.context(), ...item, position }, labels: { click: opened ? 1 : 0 } };
  }

  remember(events: readonly LocalEvent[]): void {
    this.events = [...this.events, ...events].slice(-MOST_EVENTS);
  }

  async save(): Promise<void> {
    const { opened, dismissed, events, trials } = this;
    await this.#store.set(KEY, { opened, dismissed, events, trials });
  }

  async forget(): Promise<void> {
    this.opened = [];
    this.dismissed = [];
    this.events = [];
    this.trials = [];
    await this.#store.delete(KEY);
  }
}
