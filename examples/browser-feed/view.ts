/** What the page shows. It knows no model: it draws what it is given and calls back. */
import type { TunerStart } from "millrace/browser";
import { cardArt, hueOf } from "./card-art.ts";
import type { Item, Trial } from "./session.ts";

export interface Card {
  readonly item: Item;
  readonly title: string;
  readonly topic: string;
  /** Probability of a click. */
  readonly chance: number;
  /** Places it rose since the last ranking of all candidates; negative: fell. */
  readonly risen: number;
  readonly open: () => void;
  readonly hide: () => void;
}

export interface LearntFacts {
  readonly clicks: number;
  readonly steps: number;
  readonly trials: readonly Trial[];
  readonly interests: readonly {
    readonly topic: string;
    readonly category: number;
    readonly chance: number;
  }[];
  readonly opened: readonly { readonly title: string; readonly topic: string }[];
  readonly forget: () => void;
}

const percent = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
const counted = (count: number, one: string): string => `${count} ${one}${count === 1 ? "" : "s"}`;

export class FeedView {
  readonly #list = byId("cards");
  readonly #status = byId("status");
  readonly #spoken = byId("spoken");
  readonly #cards = new Map<number, HTMLLIElement>();
  #forget: () => void = () => undefined;

  constructor() {
    const dialog = byId("forget-dialog") as HTMLDialogElement;
    byId("forget").addEventListener("click", () => dialog.showModal());
    dialog.addEventListener("close", () => {
      if (dialog.returnValue === "forget") this.#forget();
      dialog.returnValue = "";
    });
  }

  loading(share: number | undefined): void {
    this.#status.textContent = `Loading the model${share === undefined ? "" : ` (${Math.round(100 * share)} %)`}…`;
  }

  ready({ modelBytes, start }: { readonly modelBytes: number; readonly start: TunerStart }): void {
    document.body.dataset.ready = "true";
    byId("model-size").textContent = `${Math.round(modelBytes / 1024)} KiB`;
    if (start === "restored") this.say("Welcome back: the feed goes on from what it learnt here.");
    if (start === "outdated") {
      this.say(
        "There is a new model. What the old one learnt does not fit it; it learns anew from what you open.",
      );
    }
  }

  keepsNothing(): void {
    byId("kept").textContent =
      "This browser does not keep what you do: what the feed learns from now on ends with the page.";
  }

  fail(message: string): void {
    this.#status.textContent = `The feed could not start: ${message}`;
    document.body.dataset.failed = "true";
  }

  /** For everybody: on the page and by screen readers. */
  say(message: string): void {
    this.#spoken.textContent = message;
  }

  busy(on: boolean): void {
    this.#list.setAttribute("aria-busy", String(on));
  }

  /** Draws the cards; those that were there move to their new places. */
  feed(cards: readonly Card[]): void {
    const before = new Map([...this.#cards].map(([id, card]) => [id, card.getBoundingClientRect()]));
    const wanted = new Set(cards.map(({ item }) => item.item_id));
    for (const [id, card] of this.#cards) {
      if (wanted.has(id)) continue;
      card.remove();
      this.#cards.delete(id);
    }
    for (const card of cards) {
      const { item_id: id } = card.item;
      const old = this.#cards.get(id);
      const drawn = drawCard(card);
      this.#cards.set(id, drawn);
      old?.remove();
      this.#list.append(drawn);
    }
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    for (const [id, card] of this.#cards) {
      const from = before.get(id);
      const to = card.getBoundingClientRect();
      const frames =
        from === undefined
          ? [
              { opacity: 0, transform: "translateY(12px)" },
              { opacity: 1, transform: "none" },
            ]
          : [{ transform: `translate(${from.x - to.x}px, ${from.y - to.y}px)` }, { transform: "none" }];
      card.animate(frames, { duration: 420, easing: "cubic-bezier(.2,.8,.2,1)" });
    }
  }

  /** Goes on where the visitor was: the card that stands in that place now. */
  moveTo(place: number, message: string): void {
    const buttons = this.#list.querySelectorAll<HTMLButtonElement>("button.open");
    buttons[Math.min(place, buttons.length - 1)]?.focus({ preventScroll: true });
    const [first] = buttons;
    this.say(
      first === undefined
        ? `${message} You have seen everything; “Forget everything” begins anew.`
        : `${message} First is now “${first.textContent}”.`,
    );
  }

  learnt({ clicks, steps, trials, interests, opened, forget }: LearntFacts): void {
    this.#forget = forget;
    this.#status.textContent =
      clicks + steps === 0
        ? "Nothing learnt yet: open what you like."
        : steps === 0
          ? `Nothing learnt yet by this model; ${counted(clicks, "click")} kept from before.`
          : `Learnt from ${counted(clicks, "click")} in ${counted(steps, "step")}, all on this device.`;
    byId("to-learnt").hidden = steps === 0;
    byId("clicks").textContent = String(clicks);
    byId("steps").textContent = String(steps);
    (byId("forget") as HTMLButtonElement).disabled = clicks + steps === 0;
    byId("interests").replaceChildren(
      ...interests.map(({ topic, category, chance }) => {
        const bar = make("span", { class: "bar" });
        bar.style.setProperty("--share", String(Math.min(1, chance / Math.max(0.2, interests[0].chance))));
        bar.style.setProperty("--hue", String(hueOf(category)));
        return make(
          "li",
          {},
          make("span", { class: "topic" }, topic),
          bar,
          make("span", {}, percent(chance)),
        );
      }),
    );
    byId("opened").replaceChildren(
      ...[...opened]
        .reverse()
        .map(({ title, topic }) => make("li", {}, title, make("small", {}, ` ${topic}`))),
    );
    byId("history").hidden = opened.length === 0;
    drawTrials(trials);
  }
}

function drawCard({ item, title, topic, chance, risen, open, hide }: Card): HTMLLIElement {
  const button = make("button", { class: "open", type: "button" }, title);
  button.addEventListener("click", open);
  const away = make("button", { class: "hide", type: "button", "aria-label": `Hide “${title}”` }, "Hide");
  away.addEventListener("click", hide);
  const picture = make("div", { class: "picture" });
  picture.append(cardArt(item.item_id, item.category));
  const meter = make("div", { class: "chance" });
  const bar = make("span", { class: "bar" });
  bar.style.setProperty("--share", String(Math.min(1, chance)));
  bar.style.setProperty("--hue", String(hueOf(item.category)));
  meter.append(bar, make("span", {}, `${percent(chance)} chance of a click`));
  const foot = make("div", { class: "foot" });
  if (risen !== 0) {
    const words = `${risen > 0 ? "up" : "down"} ${Math.abs(risen)}`;
    foot.append(make("span", { class: risen > 0 ? "risen" : "fallen" }, `${risen > 0 ? "▲" : "▼"} ${words}`));
  }
  foot.append(away);
  const card = make("li", { class: "card" });
  card.dataset.item = String(item.item_id);
  card.dataset.category = String(item.category);
  const topicLine = make("p", { class: "topic" }, topic);
  topicLine.style.setProperty("--hue", String(hueOf(item.category)));
  card.append(picture, make("div", { class: "text" }, topicLine, make("h3", {}, button), meter, foot));
  return card as HTMLLIElement;
}

/** Mean loss so far, of the shipped model and of this device's, as two lines. */
function drawTrials(trials: readonly Trial[]): void {
  const means = (of: (trial: Trial) => number): number[] => {
    let sum = 0;
    return trials.map((trial, k) => {
      sum += of(trial);
      return sum / (k + 1);
    });
  };
  const [shipped, tuned] = [means((trial) => trial.shipped), means((trial) => trial.tuned)];
  const figure = byId("trials");
  figure.hidden = trials.length < 2;
  if (trials.length < 2) return;
  const most = 1.1 * Math.max(...shipped, ...tuned);
  const points = (values: readonly number[]): string =>
    values
      .map(
        (value, k) =>
          `${((300 * k) / (values.length - 1)).toFixed(1)},${(90 - (84 * value) / most).toFixed(1)}`,
      )
      .join(" ");
  figure.querySelector(".shipped")?.setAttribute("points", points(shipped));
  figure.querySelector(".tuned")?.setAttribute("points", points(tuned));
  const [was, is] = [shipped, tuned].map((values) => (values.at(-1) as number).toFixed(3));
  byId("trials-words").textContent =
    `Log loss of your ${trials.length} choices, each measured before it was learnt from: ${was} as shipped, ${is} on this device.`;
}

function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no element ${id}`);
  return found;
}

function make(
  name: string,
  attributes: { readonly [name: string]: string },
  ...content: readonly (Node | string)[]
): HTMLElement {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  made.append(...content);
  return made;
}
