/**
 * Arithmetic over columns: a small language, read once into closures and evaluated in JavaScript wherever
 * rows are encoded, so that training and serving agree. Nothing but numbers goes in and comes out.
 *
 *     (clicks + 1) / (views + 20)
 *     if(price > 0, log1p(price), 0)
 *     coalesce(`list price`, price)
 *
 * Numbers, column names (letters, digits, `_`; others in backquotes), `+ - * / %`, comparisons
 * (`< <= > >= == !=`, 1 or 0), parentheses, and functions. A missing value makes every operation on it
 * missing, except `coalesce` and the branch that `if` does not take; so does a result that is not finite.
 * `+ - * / %` and `sqrt` are those of IEEE 754; `log`, `exp` and `pow` are the JavaScript engine's.
 */
import { ConfigError } from "../core/index.ts";

/** Missing is NaN inside an expression. */
type Evaluate = (values: Float64Array) => number;

export interface Expression {
  /** Columns it reads, by first mention. */
  readonly columns: readonly string[];
  /** The value for the numbers of `columns`, NaN where there is none. */
  readonly evaluate: Evaluate;
}

interface Operation {
  readonly least: number;
  readonly most: number;
  readonly apply: (...x: number[]) => number;
}

const fixed = (count: number, apply: Operation["apply"]): Operation => ({ least: count, most: count, apply });

const FUNCTIONS: ReadonlyMap<string, Operation> = new Map([
  ["abs", fixed(1, Math.abs)],
  ["sign", fixed(1, Math.sign)],
  ["floor", fixed(1, Math.floor)],
  ["ceil", fixed(1, Math.ceil)],
  ["round", fixed(1, Math.round)],
  ["sqrt", fixed(1, Math.sqrt)],
  ["exp", fixed(1, Math.exp)],
  ["log", fixed(1, Math.log)],
  ["log1p", fixed(1, Math.log1p)],
  ["pow", fixed(2, (x, y) => x ** y)],
  ["clip", fixed(3, (x, low, high) => Math.min(Math.max(x, low), high))],
  ["min", { least: 1, most: 100, apply: Math.min }],
  ["max", { least: 1, most: 100, apply: Math.max }],
]);

/** Functions that look at their arguments one by one. */
const LAZY = { if: [3, 3], coalesce: [1, 100] } as const;

const COMPARISONS: ReadonlyMap<string, (x: number, y: number) => boolean> = new Map([
  ["<", (x: number, y: number) => x < y],
  ["<=", (x: number, y: number) => x <= y],
  [">", (x: number, y: number) => x > y],
  [">=", (x: number, y: number) => x >= y],
  ["==", (x: number, y: number) => x === y],
  ["!=", (x: number, y: number) => x !== y],
]);

const TOKEN =
  /\s*(?:(?<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?<name>[\p{L}_][\p{L}\p{M}\p{N}_]*)|`(?<quoted>[^`]+)`|(?<sign><=|>=|==|!=|[-+*/%<>(),]))/uy;

/** Deepest nesting of parentheses and signs. */
const DEEPEST = 100;

interface Token {
  readonly kind: "number" | "name" | "quoted" | "sign" | "end";
  readonly text: string;
  /** Position in the text, from 1. */
  readonly at: number;
}

/** Reads an expression. @throws ConfigError that says where it cannot be read */
export function parseExpression(text: string): Expression {
  return new Parser(text).parse();
}

class Parser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  readonly #columns: string[] = [];
  #next = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = this.#cut();
  }

  parse(): Expression {
    const evaluate = this.#comparison();
    if (this.#peek().kind !== "end") throw this.#unexpected("an operator or the end");
    return { columns: this.#columns, evaluate };
  }

  #cut(): Token[] {
    const tokens: Token[] = [];
    const end = this.#text.trimEnd().length;
    for (TOKEN.lastIndex = 0; TOKEN.lastIndex < end; ) {
      const from = TOKEN.lastIndex;
      const match = TOKEN.exec(this.#text);
      if (match === null) {
        const at = from + (this.#text.slice(from).length - this.#text.slice(from).trimStart().length);
        throw this.#error(`there is no meaning to ${JSON.stringify(this.#text[at])}`, at + 1);
      }
      for (const kind of ["number", "name", "quoted", "sign"] as const) {
        const found = match.groups?.[kind];
        if (found === undefined) continue;
        const length = kind === "quoted" ? found.length + 2 : found.length;
        tokens.push({ kind, text: found, at: TOKEN.lastIndex - length + 1 });
      }
    }
    tokens.push({ kind: "end", text: "the end", at: end + 1 });
    return tokens;
  }

  #comparison(): Evaluate {
    const left = this.#sum();
    const compare = COMPARISONS.get(this.#peek().text);
    if (compare === undefined || this.#peek().kind !== "sign") return left;
    this.#next++;
    const right = this.#sum();
    return (values) => {
      const [x, y] = [left(values), right(values)];
      return Number.isNaN(x) || Number.isNaN(y) ? Number.NaN : Number(compare(x, y));
    };
  }

  #sum(): Evaluate {
    let left = this.#product();
    for (;;) {
      const [first, adds] = [left, this.#take("+")];
      if (!adds && !this.#take("-")) return left;
      const second = this.#product();
      left = adds
        ? (values) => finite(first(values) + second(values))
        : (values) => finite(first(values) - second(values));
    }
  }

  #product(): Evaluate {
    let left = this.#signed();
    for (;;) {
      const first = left;
      if (this.#take("*")) {
        const second = this.#signed();
        left = (values) => finite(first(values) * second(values));
      } else if (this.#take("/")) {
        const second = this.#signed();
        left = (values) => finite(first(values) / second(values));
      } else if (this.#take("%")) {
        const second = this.#signed();
        left = (values) => finite(first(values) % second(values));
      } else return left;
    }
  }

  #signed(): Evaluate {
    if (++this.#depth > DEEPEST) throw this.#error(`it is nested deeper than ${DEEPEST}`, this.#peek().at);
    try {
      if (this.#take("-")) {
        const inner = this.#signed();
        return (values) => -inner(values);
      }
      return this.#take("+") ? this.#signed() : this.#atom();
    } finally {
      this.#depth--;
    }
  }

  #atom(): Evaluate {
    const token = this.#peek();
    this.#next++;
    switch (token.kind) {
      case "number": {
        const number = finite(Number(token.text));
        return () => number;
      }
      case "quoted":
        return this.#column(token.text);
      case "name":
        return this.#take("(") ? this.#call(token) : this.#column(token.text);
      case "sign":
        if (token.text === "(") {
          const inner = this.#comparison();
          this.#close();
          return inner;
        }
    }
    this.#next--;
    throw this.#unexpected("a number, a column or (");
  }

  #column(name: string): Evaluate {
    let index = this.#columns.indexOf(name);
    if (index < 0) index = this.#columns.push(name) - 1;
    return (values) => values[index];
  }

  #call({ text: name, at }: Token): Evaluate {
    const known = FUNCTIONS.get(name);
    const lazy = Object.hasOwn(LAZY, name) ? LAZY[name as keyof typeof LAZY] : undefined;
    if (known === undefined && lazy === undefined) {
      const names = [...FUNCTIONS.keys(), ...Object.keys(LAZY)].join(", ");
      throw this.#error(`there is no function ${name}`, at, `functions: ${names}`);
    }
    const args = [this.#comparison()];
    while (this.#take(",")) args.push(this.#comparison());
    this.#close();
    const [least, most] = lazy ?? [known!.least, known!.most];
    if (args.length < least || args.length > most) {
      const wanted = least === most ? `${least}` : `at least ${least}`;
      throw this.#error(`${name} takes ${wanted} values, not ${args.length}`, at);
    }
    if (known !== undefined) {
      const { apply } = known;
      return (values) => finite(apply(...args.map((arg) => arg(values))));
    }
    return name === "if" ? conditional(args) : coalesce(args);
  }

  #peek(): Token {
    return this.#tokens[this.#next];
  }

  #take(sign: string): boolean {
    const token = this.#peek();
    if (token.kind !== "sign" || token.text !== sign) return false;
    this.#next++;
    return true;
  }

  #close(): void {
    if (!this.#take(")")) throw this.#unexpected(")");
  }

  #unexpected(expected: string): ConfigError {
    const { text, at, kind } = this.#peek();
    return this.#error(`expected ${expected}, not ${kind === "end" ? text : JSON.stringify(text)}`, at);
  }

  #error(what: string, at: number, hint?: string): ConfigError {
    return new ConfigError(`expression ${JSON.stringify(this.#text)}, character ${at}: ${what}`, {
      details: { expression: this.#text, position: at },
      hint: hint ?? "for instance (clicks + 1) / (views + 20); a column with other letters stands in `…`",
    });
  }
}

function finite(x: number): number {
  return Number.isFinite(x) ? x : Number.NaN;
}

/** The second value where the first is neither 0 nor missing, the third where it is 0. */
function conditional([condition, yes, no]: readonly Evaluate[]): Evaluate {
  return (values) => {
    const chosen = condition(values);
    if (Number.isNaN(chosen)) return Number.NaN;
    return chosen !== 0 ? yes(values) : no(values);
  };
}

/** The first value that is not missing. */
function coalesce(args: readonly Evaluate[]): Evaluate {
  return (values) => {
    for (const arg of args) {
      const value = arg(values);
      if (!Number.isNaN(value)) return value;
    }
    return Number.NaN;
  };
}
